// safetensors files: read by slices, written whole. Files are input from outside: a header that lies is refused with
// its place.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/files.h"
#include "runtime/spec/parameters.h"

namespace muster::weights {

struct TensorEntry {
  at::ScalarType dtype;  // Undefined: a type of the format that LibTorch or Muster does not compute with
  std::vector<std::int64_t> shape;
  std::int64_t begin = 0, end = 0;  // bytes within the file
  std::string type_name;            // as the header names it
};

class SafetensorsFile {
 public:
  /// Checks the whole header: length, JSON, types, shapes against offsets, overlaps, the end of the file. throws:
  /// Error::user.
  explicit SafetensorsFile(const std::filesystem::path& path);
  const std::map<std::string, TensorEntry>& entries() const { return entries_; }
  /// Reads only the bytes of `box` (rows; columns are cut after reading each row range) into a contiguous tensor of the
  /// file's type, which must not be Undefined.
  at::Tensor read(const std::string& name, const spec::Box& box) const;

 private:
  std::filesystem::path path_;
  base::Descriptor file_;
  std::map<std::string, TensorEntry> entries_;
};

/// All tensors of a Hugging Face folder, with or without model.safetensors.index.json.
class WeightFolder {
 public:
  /// throws: Error::user, also where the folder holds two sets of weights, an index and a model.safetensors beside it.
  explicit WeightFolder(const std::filesystem::path& folder);
  /// Drops what stands before all names ("module.", "_orig_mod."), or puts the missing "model." before them, so that
  /// `known`, a tensor that every model of the kind has, is found. Returns what was changed, as a sentence; "" where
  /// nothing was.
  std::string adapt_names(const std::string& known);
  bool has(const std::string& name) const;
  std::vector<std::string> names() const;
  const TensorEntry& entry(const std::string& name) const;
  at::Tensor read(const std::string& name, const spec::Box& box) const;

 private:
  struct Place {
    std::size_t file = 0;
    std::string name;  // in the file
  };
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, Place> where_;
};

/// Written under a temporary name, then renamed. Tensors are contiguous, on the CPU.
void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace muster::weights
