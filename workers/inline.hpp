#pragma once

/// For the bodies of loops that are compiled for several instruction sets: they become part of a function with a target of its own.
#define EDGESWEEP_INLINE inline __attribute__((always_inline))
