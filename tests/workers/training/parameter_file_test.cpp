#include "workers/training/parameter_file.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/base/file.hpp"
#include "tests/workers/data/idx_writer.hpp"

namespace edgesweep {
namespace {

// Python reads the file with torch alone, and sees PyTorch's names and shapes.
TEST(ParameterFile, LoadsInPython) {
  const std::vector<Parameter> parameters{{"layers.0.weight", {3, 2}, 0, 6},
                                          {"layers.0.bias", {3}, 6, 3},
                                          {"layers.1.weight", {1, 3}, 9, 3},
                                          {"scale", {}, 12, 1}};
  const Bytes content = parameter_file(parameters, at::arange(13, at::kFloat) / 8);
  // Views would drag the whole vector along.
  EXPECT_LT(content.size(), 8000U);
  const edgesweep::testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/p.pt";
  write_file_atomically(path, content);
  const std::string python = std::filesystem::exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
  const std::string script = R"(
import sys, torch
module = torch.jit.load(sys.argv[1])
state = module.state_dict()
assert sorted(state) == ['layers.0.bias', 'layers.0.weight', 'layers.1.weight', 'scale'], list(state)
assert sorted(name for name, _ in module.named_parameters()) == sorted(state)
v = torch.arange(13, dtype=torch.float32) / 8
assert torch.equal(state['layers.0.weight'], v[:6].view(3, 2))
assert torch.equal(state['layers.0.bias'], v[6:9])
assert torch.equal(state['layers.1.weight'], v[9:12].view(1, 3))
assert state['scale'].shape == () and state['scale'] == v[12]
assert all(t.dtype == torch.float32 and t.device.type == 'cpu' for t in state.values())
)";
  write_file_atomically(folder.path() + "/check.py", script);
  EXPECT_EQ(std::system((python + " " + folder.path() + "/check.py " + path).c_str()), 0);
}

}  // namespace
}  // namespace edgesweep
