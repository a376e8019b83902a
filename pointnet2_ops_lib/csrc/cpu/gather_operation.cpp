// Chosen columns of a feature table, and the sum of gradients back into them.

#include <cstdint>

#include "../kernels.h"
#include "columns.h"

namespace pointnet2_ops::cpu {

void gather_operation(const Tensor& features, const Tensor& indices, const Tensor& output) {
  const int64_t clouds = features.size(0), channels = features.size(1), points = features.size(2);
  const int64_t chosen = indices.size(1);
  with_index_type(indices.scalar_type(), [&](auto index_zero) {
    using index = decltype(index_zero);
    const index* choice = indices.const_data_ptr<index>();
    require_in_range("gather_operation, grouping_operation", choice, clouds * chosen, points);
    with_float_type(features.scalar_type(), [&](auto zero) {
      using scalar = decltype(zero);
      const scalar* input = features.const_data_ptr<scalar>();
      scalar* target = output.mutable_data_ptr<scalar>();
      for_each_piece(clouds * channels, chosen, [&](int64_t row, int64_t first, int64_t last) {
        const scalar* source_row = input + row * points;
        const index* choice_row = choice + row / channels * chosen;
        scalar* target_row = target + row * chosen;
        for (int64_t column = first; column < last; ++column) {
          target_row[column] = source_row[choice_row[column]];
        }
      });
    });
  });
}

void gather_operation_backward(const Tensor& gradient, const Tensor& indices, const Tensor& output) {
  const int64_t clouds = output.size(0), channels = output.size(1), points = output.size(2);
  const int64_t chosen = indices.size(1);
  with_index_type(indices.scalar_type(), [&](auto index_zero) {
    using index = decltype(index_zero);
    const index* choice = indices.const_data_ptr<index>();
    require_in_range("gather_operation_backward", choice, clouds * chosen, points);
    with_float_type(gradient.scalar_type(), [&](auto zero) {
      using scalar = decltype(zero);
      const scalar* input = gradient.const_data_ptr<scalar>();
      scalar* target = output.mutable_data_ptr<scalar>();
      // Several entries may add to one point, so a row stays on one core: no atomics, and the same bits every time.
      torch::stable::parallel_for(0, clouds * channels, 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const index* choice_row = choice + row / channels * chosen;
          for (int64_t column = 0; column < chosen; ++column) {
            target[row * points + choice_row[column]] += input[row * chosen + column];
          }
        }
      });
    });
  });
}

}  // namespace pointnet2_ops::cpu
