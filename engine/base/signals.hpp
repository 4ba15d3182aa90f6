#pragma once

namespace edgesweep {

/// From now on SIGTERM, SIGINT, SIGUSR1, SIGUSR2 and SIGHUP ask for a graceful stop; a second SIGINT ends the process at once
/// (exit code 130). SIGPIPE is ignored.
void install_stop_signals();

/// The signal that asked to stop, 0 if none did. Cheap: one atomic load.
int stop_signal();

/// Asks for a stop without a signal (the coordinator said so). Tests reset with 0.
void set_stop_signal(int signal);

}  // namespace edgesweep
