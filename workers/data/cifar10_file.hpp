#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace edgesweep {

constexpr std::int64_t cifar10_pixels = 3 * 32 * 32;

/// Takes one image: its label, 0 to 9, and its red, green and blue plane, each by rows.
using Cifar10Visitor = std::function<void(std::uint8_t label, std::span<const std::uint8_t> pixels)>;

/// A file of up to 10,000 images of CIFAR-10, the binary version: records of a label and the three planes.
/// Both throw InputError unless the file is there, of whole records, and has these rows (increasing, at least one).
void check_cifar10_binary(const std::string& path, const std::vector<std::int64_t>& rows);
/// Throws InputError for a label above 9, too.
void read_cifar10_binary(const std::string& path, const std::vector<std::int64_t>& rows, const Cifar10Visitor& visit);

}  // namespace edgesweep
