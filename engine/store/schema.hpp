#pragma once

#include <array>
#include <cstdint>

/// Every name that a store has in its HDF5 file, as docs/store.md describes them.
namespace edgesweep::schema {

/// Goes up when an older reader would misread the file.
inline constexpr std::int64_t kVersion = 1;
inline constexpr const char* kConventionsValue = "CF-1.8";

// Root attributes.
inline constexpr const char* kConventions = "Conventions";
inline constexpr const char* kTitle = "title";
inline constexpr const char* kSchemaVersion = "schema_version";
inline constexpr const char* kEdgesweepVersion = "edgesweep_version";
inline constexpr const char* kSweepJson = "sweep_json";
inline constexpr const char* kSweepDigest = "sweep_digest";
inline constexpr const char* kCreated = "created";
inline constexpr const char* kDataIdentity = "data_identity";  ///< what the data set must not change; not there if nothing
inline constexpr const char* kShard = "shard";  ///< "I/N" in the store of a part of a sweep, else not there

// Attributes of datasets.
inline constexpr const char* kUnits = "units";
inline constexpr const char* kLongName = "long_name";
inline constexpr const char* kCoordinates = "coordinates";
inline constexpr const char* kFlagValues = "flag_values";
inline constexpr const char* kFlagMeanings = "flag_meanings";

// Dimensions, each with the i8 coordinate of the same name.
inline constexpr const char* kBatch = "batch";
inline constexpr const char* kPoint = "point";
inline constexpr const char* kSeed = "seed";
inline constexpr const char* kRecord = "record";

// f8 (batch, point).
inline constexpr const char* kEta = "eta";
inline constexpr const char* kEtaOverBatch = "eta_over_batch";

// (batch, point, seed): u1, i8, i8, i8, f8.
inline constexpr const char* kStatus = "status";
inline constexpr const char* kRecords = "records";
inline constexpr const char* kAttempts = "attempts";
inline constexpr const char* kSteps = "steps";
inline constexpr const char* kWallSeconds = "wall_seconds";

/// Names that a measurement's column or dimension can't have.
inline constexpr std::array kReserved{kBatch,  kPoint,   kSeed,     kRecord, kEta,        kEtaOverBatch,
                                      kStatus, kRecords, kAttempts, kSteps,  kWallSeconds};

}  // namespace edgesweep::schema
