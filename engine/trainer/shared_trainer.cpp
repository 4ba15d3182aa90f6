#include "engine/trainer/shared_trainer.hpp"

#include <utility>

namespace edgesweep {

SharedTrainer::SharedTrainer(TrainerCommand command, int places, int buffer)
    : command_(std::move(command)), places_(places), buffer_(buffer) {}

std::shared_ptr<ChildProcess> SharedTrainer::get() {
  const std::lock_guard guard(mutex_);
  if (!trainer_ || trainer_->ended()) {
    std::vector<std::string> arguments = command_.arguments;
    if (places_ > 1) {
      arguments.insert(arguments.end(), {"--places", std::to_string(places_)});
    }
    trainer_ = std::make_shared<ChildProcess>(command_.program, arguments, places_, buffer_);
  }
  return trainer_;
}

void SharedTrainer::drop(const std::shared_ptr<ChildProcess>& trainer) {
  const std::lock_guard guard(mutex_);
  if (trainer_ == trainer) {
    trainer_.reset();
  }
}

}  // namespace edgesweep
