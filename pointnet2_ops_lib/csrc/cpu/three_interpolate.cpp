// Weighted sums of three columns of a feature table, and the sum of gradients back into them.

#include <cstdint>

#include "../kernels.h"
#include "columns.h"

namespace pointnet2_ops::cpu {

void three_interpolate(const Tensor& features, const Tensor& indices, const Tensor& weights, const Tensor& output) {
  const int64_t clouds = features.size(0), channels = features.size(1), points = features.size(2);
  const int64_t queries = indices.size(1);
  with_index_type(indices.scalar_type(), [&](auto index_zero) {
    using index = decltype(index_zero);
    const index* corners = indices.const_data_ptr<index>();
    require_in_range("three_interpolate", corners, clouds * queries * 3, points);
    with_float_type(features.scalar_type(), [&](auto zero) {
      using scalar = decltype(zero);
      const scalar* input = features.const_data_ptr<scalar>();
      const scalar* shares = weights.const_data_ptr<scalar>();
      scalar* target = output.mutable_data_ptr<scalar>();
      for_each_piece(clouds * channels, queries, [&](int64_t row, int64_t first, int64_t last) {
        const scalar* source = input + row * points;
        const int64_t skipped = row / channels * queries;
        for (int64_t query = first; query < last; ++query) {
          const index* corner = corners + (skipped + query) * 3;
          const scalar* share = shares + (skipped + query) * 3;
          target[row * queries + query] =
              source[corner[0]] * share[0] + source[corner[1]] * share[1] + source[corner[2]] * share[2];
        }
      });
    });
  });
}

void three_interpolate_backward(const Tensor& gradient, const Tensor& indices, const Tensor& weights,
                                const Tensor& output) {
  const int64_t clouds = output.size(0), channels = output.size(1), points = output.size(2);
  const int64_t queries = indices.size(1);
  with_index_type(indices.scalar_type(), [&](auto index_zero) {
    using index = decltype(index_zero);
    const index* corners = indices.const_data_ptr<index>();
    require_in_range("three_interpolate_backward", corners, clouds * queries * 3, points);
    with_float_type(gradient.scalar_type(), [&](auto zero) {
      using scalar = decltype(zero);
      const scalar* input = gradient.const_data_ptr<scalar>();
      const scalar* shares = weights.const_data_ptr<scalar>();
      scalar* target = output.mutable_data_ptr<scalar>();
      // A row stays on one core, as in gather_operation_backward.
      torch::stable::parallel_for(0, clouds * channels, 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const int64_t skipped = row / channels * queries * 3;
          for (int64_t entry = 0; entry < queries * 3; ++entry) {
            target[row * points + corners[skipped + entry]] +=
                input[row * queries + entry / 3] * shares[skipped + entry];
          }
        }
      });
    });
  });
}

}  // namespace pointnet2_ops::cpu
