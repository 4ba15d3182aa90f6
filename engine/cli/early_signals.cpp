// Before main() the shared libraries set themselves up, LibTorch for half a second: a stop signal in that time would
// simply end the process, and with it a whole MPI job. Functions in .preinit_array run before all of that.
#include <string_view>

#include "engine/base/signals.hpp"

namespace edgesweep {
namespace {

void install_early(int argc, char** argv, char**) {
  if (argc > 1 && std::string_view(argv[1]) == "run") {
    install_stop_signals();
  }
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const early)(int, char**, char**) = install_early;

}  // namespace
}  // namespace edgesweep
