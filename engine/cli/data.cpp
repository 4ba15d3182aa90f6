#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "engine/base/file.hpp"
#include "engine/base/log.hpp"
#include "engine/cli/commands.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

struct PackOptions {
  std::string folder;
  std::string out;
  std::int64_t side = 0;
  int quality = 95;
  int threads = 0;
};

ExitCode run_pack(const PackOptions& options) {
  const std::string out = options.out.empty() ? options.folder : options.out;
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.folder, ignored)) throw InputError(options.folder, "no such folder");
  make_directory(out);
  for (const char* split : {"train", "val"}) {
    const std::string from = options.folder + "/" + split, to = out + "/" + split + ".pack";
    if (!std::filesystem::is_directory(from, ignored) && std::string(split) == "val") continue;  // there may be none
    const Json report = pack_images({from, to, options.side, options.quality, options.threads});
    log_info(to + ": " + std::to_string(report.at("images").get<std::int64_t>()) + " images, " +
             std::to_string(report.at("bytes").get<std::int64_t>() / 1'000'000) + " MB, " +
             std::to_string(report.at("broken").get<std::int64_t>()) + " broken files left out");
  }
  return ExitCode::success;
}

void add_pack_command(CLI::App& data, ExitCode& code) {
  auto options = std::make_shared<PackOptions>();  // lives as long as the callback
  CLI::App* command = data.add_subcommand("pack", "Pack DIR/train and DIR/val, folders of images as ImageNet has them, into a file each");
  command->add_option("folder", options->folder, "Folder of the data set")->required();
  command->add_option("-o,--out", options->out, "Folder for train.pack and val.pack (default: that of the data set)");
  command->add_option("--side", options->side, "Make larger images smaller, to this shorter side in pixels; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  command->add_option("--quality", options->quality, "JPEG quality of those")->capture_default_str()->check(CLI::Range(1, 100));
  command->add_option("--threads", options->threads, "Threads (default: all processors)")->check(CLI::Range(1, 1024));
  command->callback([options, &code] { code = run_pack(*options); });
}

void add_show_command(CLI::App& data, ExitCode& code) {
  struct Options {
    ShowRequest request;
    std::string out;
  };
  auto options = std::make_shared<Options>();  // lives as long as the callback
  ShowRequest& request = options->request;
  request.split = "train";
  CLI::App* command = data.add_subcommand("show", "Write an image as a network sees it, but for the standardising, as a PPM picture");
  command->add_option("folder", request.directory, "Folder of the data set")->required();
  command->add_option("--split", request.split, "train or val")->capture_default_str()->check(CLI::IsMember({"train", "val"}));
  command->add_option("--image", request.image, "Its place in the order of the data set")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{4'000'000'000}));
  command->add_option("--size", request.size, "Pixels a side")->capture_default_str()->check(CLI::Range(1, 4096));
  command->add_option("--resize", request.resize, "The shorter side before the centre is cut")->capture_default_str()->check(CLI::Range(1, 8192));
  command->add_option("--box", request.box, "Left, top, width and height of another part, in pixels")->expected(4);
  command->add_option("-o,--out", options->out, "File to write")->required();
  command->callback([options, &code] {
    require_writable_directory(options->out);
    write_file_atomically(options->out, show_image(options->request));
    code = ExitCode::success;
  });
}

}  // namespace

void add_data_command(CLI::App& app, ExitCode& code) {
  CLI::App* command = app.add_subcommand("data", "Look after data sets of images");
  command->require_subcommand(1);
  add_pack_command(*command, code);
  add_show_command(*command, code);
}

}  // namespace edgesweep
