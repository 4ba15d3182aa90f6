#include "workers/training/parameter_file.hpp"

#include <torch/serialize/output-archive.h>

#include <map>
#include <memory>
#include <string>

namespace edgesweep {
namespace {

/// A module of the archive: tensors and modules by the next part of their name.
struct Node {
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, Node> modules;
};

Node tree_of(const std::vector<Parameter>& parameters, const at::Tensor& theta) {
  const at::Tensor values = theta.to(at::kCPU);
  Node root;
  for (const Parameter& parameter : parameters) {
    Node* node = &root;
    std::string name = parameter.name;
    for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.')) {
      node = &node->modules[name.substr(0, dot)];
      name.erase(0, dot + 1);
    }
    // A copy: a view would write the storage of the whole vector into the archive.
    node->tensors[name] = values.narrow(0, parameter.offset, parameter.count).view(parameter.shape).clone();
  }
  return root;
}

void write_node(const Node& node, torch::serialize::OutputArchive& archive) {
  for (const auto& [name, tensor] : node.tensors) archive.write(name, tensor);
  for (const auto& [name, module] : node.modules) {
    torch::serialize::OutputArchive nested(archive.compilation_unit());
    write_node(module, nested);
    archive.write(name, nested);
  }
}

}  // namespace

Bytes parameter_file(const std::vector<Parameter>& parameters, const at::Tensor& theta) {
  torch::serialize::OutputArchive archive;
  write_node(tree_of(parameters, theta), archive);
  Bytes content;
  archive.save_to([&](const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    content.insert(content.end(), first, first + size);
    return size;
  });
  return content;
}

}  // namespace edgesweep
