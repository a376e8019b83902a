// The searches' check of coordinates: NaN and infinity have no order, so what they give would mean nothing.
#pragma once

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "../kernels.h"

namespace pointnet2_ops::cpu {

// `clouds` is (B, N, 3), contiguous; `names` are its names in Python.
template <typename scalar>
void require_finite(const char* op, const char* names, const Tensor& clouds) {
  const scalar* coordinates = clouds.const_data_ptr<scalar>();
  const int64_t count = clouds.numel();
  // A sum of zeros times numbers: it is zero unless one of them is NaN or infinite.
  scalar sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t entry = 0; entry < count; ++entry) {
    sum += coordinates[entry] * 0;
  }
  if (sum == 0) {
    return;
  }
  int64_t entry = 0;
  while (std::isfinite(coordinates[entry])) {
    ++entry;
  }
  const int64_t point = entry / 3;
  throw std::invalid_argument(std::string(op) + ": " + names + " must be finite, found " +
                              std::to_string(coordinates[entry]) + " at point " +
                              std::to_string(point % clouds.size(1)) + " of cloud " +
                              std::to_string(point / clouds.size(1)));
}

}  // namespace pointnet2_ops::cpu
