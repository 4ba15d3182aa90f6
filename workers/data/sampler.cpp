#include "workers/data/sampler.hpp"

#include <numeric>
#include <stdexcept>
#include <utility>

#include "workers/data/philox.hpp"

namespace edgesweep {
namespace {

std::vector<std::int64_t> identity_order(std::int64_t examples) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(examples));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

class EpochSampler final : public Sampler {
 public:
  EpochSampler(std::uint64_t key, std::int64_t examples, std::int64_t batch_size)
      : key_(key), batch_size_(batch_size), steps_per_epoch_(examples / batch_size), order_(identity_order(examples)) {}

  std::span<const std::int64_t> batch(std::int64_t step) override {
    const std::int64_t epoch = step / steps_per_epoch_;
    if (epoch != epoch_) shuffle(epoch);
    const auto first = static_cast<std::size_t>((step % steps_per_epoch_) * batch_size_);
    return {order_.data() + first, static_cast<std::size_t>(batch_size_)};
  }

 private:
  void shuffle(std::int64_t epoch) {
    std::iota(order_.begin(), order_.end(), 0);
    RandomStream stream(key_, RandomUse::epoch_order, static_cast<std::uint64_t>(epoch));
    for (std::size_t last = order_.size(); last > 1; --last) {
      std::swap(order_[last - 1], order_[stream.below(static_cast<std::uint32_t>(last))]);
    }
    epoch_ = epoch;
  }

  std::uint64_t key_;
  std::int64_t batch_size_;
  std::int64_t steps_per_epoch_;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;
};

class IidSampler final : public Sampler {
 public:
  IidSampler(std::uint64_t key, std::int64_t examples, std::int64_t batch_size)
      : key_(key),
        order_(identity_order(examples)),
        swapped_(static_cast<std::size_t>(batch_size)),
        batch_(static_cast<std::size_t>(batch_size)) {}

  // The first B moves of a Fisher–Yates shuffle, undone afterwards: O(B), and the order starts from the identity at
  // every step, so that no history matters.
  std::span<const std::int64_t> batch(std::int64_t step) override {
    RandomStream stream(key_, RandomUse::iid_batch, static_cast<std::uint64_t>(step));
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      swapped_[i] = i + stream.below(static_cast<std::uint32_t>(order_.size() - i));
      std::swap(order_[i], order_[swapped_[i]]);
      batch_[i] = order_[i];
    }
    for (std::size_t i = batch_.size(); i-- > 0;) std::swap(order_[i], order_[swapped_[i]]);
    return batch_;
  }

 private:
  std::uint64_t key_;
  std::vector<std::int64_t> order_;
  std::vector<std::size_t> swapped_;
  std::vector<std::int64_t> batch_;
};

}  // namespace

const std::vector<std::string>& sampler_names() {
  static const std::vector<std::string> names{"epoch", "iid"};
  return names;
}

std::unique_ptr<Sampler> make_sampler(const std::string& name, std::uint64_t key, std::int64_t examples,
                                      std::int64_t batch_size) {
  if (batch_size < 1 || batch_size > examples || examples >= std::int64_t{1} << 32) {
    throw std::invalid_argument("batch size " + std::to_string(batch_size) + " of " + std::to_string(examples) +
                                " examples");
  }
  if (name == "epoch") return std::make_unique<EpochSampler>(key, examples, batch_size);
  if (name == "iid") return std::make_unique<IidSampler>(key, examples, batch_size);
  throw std::invalid_argument("unknown sampler " + name);
}

}  // namespace edgesweep
