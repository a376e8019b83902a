// How the feature operators share their work among the cores, and their check of indices.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <torch/csrc/stable/ops.h>

namespace pointnet2_ops::cpu {

// Calls `function(row, first, last)` for pieces of a (rows, columns) table, in parallel. Long rows are cut, so that a
// few channels of many points keep all cores busy.
template <typename Function>
void for_each_piece(int64_t rows, int64_t columns, const Function& function) {
  constexpr int64_t PIECE = 4096;
  const int64_t pieces = (columns + PIECE - 1) / PIECE;
  const int64_t grain = std::max<int64_t>(1, 2 * PIECE / std::max<int64_t>(1, columns));
  torch::stable::parallel_for(0, rows * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task % pieces * PIECE;
      function(task / pieces, first, std::min(columns, first + PIECE));
    }
  });
}

template <typename index>
void require_in_range(const char* op, const index* indices, int64_t count, int64_t limit) {
  index lowest = 0, highest = 0;
#pragma omp simd reduction(min : lowest) reduction(max : highest)
  for (int64_t entry = 0; entry < count; ++entry) {
    lowest = indices[entry] < lowest ? indices[entry] : lowest;
    highest = indices[entry] > highest ? indices[entry] : highest;
  }
  if (count > 0 && (lowest < 0 || highest >= limit)) {
    throw std::invalid_argument(std::string(op) + ": idx must be between 0 and " + std::to_string(limit - 1) +
                                ", found " + std::to_string(lowest < 0 ? lowest : highest));
  }
}

}  // namespace pointnet2_ops::cpu
