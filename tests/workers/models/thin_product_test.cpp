#include "workers/models/thin_product.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace edgesweep {
namespace {

// Sums of n products round by at most n 2⁻²⁴ Σ|x w|; both sides here do, in their own order.
TEST(ThinProduct, IsTheProductOfAnyShapeItTakes) {
  at::manual_seed(3);
  for (const std::int64_t batch : {1, 2, 5, 7, 8, 9, 16, 17, 31, 32, 33, 50, 64, 65}) {
    if (!thin_product_pays(batch)) continue;
    for (const auto& [out, in] : {std::pair{1, 1}, std::pair{12, 7}, std::pair{35, 64}, std::pair{256, 784}}) {
      const at::Tensor x = at::randn({batch, in}), w = at::randn({out, in}), a = at::full({batch, out}, 7.0f);
      std::vector<float> scratch(static_cast<std::size_t>(thin_product_scratch(out, in)), 1e30f);
      thin_product(batch, out, in, 0.5f, x.data_ptr<float>(), w.data_ptr<float>(), a.data_ptr<float>(), scratch.data());
      const at::Tensor exact = 0.5 * at::mm(x.to(at::kDouble), w.to(at::kDouble).t());
      const at::Tensor bound = 0x1p-24 * (in + 2) * at::mm(x.abs(), w.abs().t());
      EXPECT_TRUE(((a - exact).abs() <= bound).all().item<bool>()) << batch << " × " << out << " × " << in;
    }
  }
}

TEST(ThinProduct, GivesARowTheSameBitsWhateverItsNeighbours) {
  if (!thin_product_pays(8)) return;  // the stepper then leaves it to BLAS
  at::manual_seed(4);
  const at::Tensor x = at::randn({8, 100}), w = at::randn({30, 100});
  at::Tensor whole = at::empty({8, 30}), shifted = at::empty({8, 30});
  std::vector<float> scratch(static_cast<std::size_t>(thin_product_scratch(30, 100)));
  thin_product(8, 30, 100, 1, x.data_ptr<float>(), w.data_ptr<float>(), whole.data_ptr<float>(), scratch.data());
  const at::Tensor rolled = x.roll(3, 0).contiguous();
  thin_product(8, 30, 100, 1, rolled.data_ptr<float>(), w.data_ptr<float>(), shifted.data_ptr<float>(), scratch.data());
  EXPECT_TRUE(at::equal(shifted.roll(-3, 0), whole));
}

}  // namespace
}  // namespace edgesweep
