// What the CPU and the CUDA kernels have in common: their names, their arguments, and the choice of a dtype.
//
// ops.cpp checks shapes and devices, makes inputs contiguous and allocates outputs; a kernel only fills its last
// arguments. B clouds, N points, C channels, M queries or indices, K neighbours. Indices going in are int32 or int64,
// indices coming out are int32.
#pragma once

#include <stdexcept>

#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

namespace pointnet2_ops {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

#define POINTNET2_OPS_DECLARE_KERNELS                                                                             \
  /* points (B, N, 3) -> indices (B, count) */                                                                    \
  void furthest_point_sample(const Tensor& points, bool skip_near_origin, const Tensor& indices);                 \
  /* features (B, C, N), indices (B, M) -> output (B, C, M) */                                                    \
  void gather_operation(const Tensor& features, const Tensor& indices, const Tensor& output);                     \
  /* gradient (B, C, M), indices (B, M) -> output (B, C, N), zeros before */                                      \
  void gather_operation_backward(const Tensor& gradient, const Tensor& indices, const Tensor& output);            \
  /* features (B, C, N), indices (B, M, 3), weights (B, M, 3) -> output (B, C, M) */                              \
  void three_interpolate(const Tensor& features, const Tensor& indices, const Tensor& weights,                    \
                         const Tensor& output);                                                                   \
  /* gradient (B, C, M), indices (B, M, 3), weights (B, M, 3) -> output (B, C, N), zeros before */                \
  void three_interpolate_backward(const Tensor& gradient, const Tensor& indices, const Tensor& weights,           \
                                  const Tensor& output);                                                          \
  /* points (B, N, 3), centres (B, M, 3) -> indices (B, M, K), zeros before */                                    \
  void ball_query(const Tensor& points, const Tensor& centres, double radius, const Tensor& indices);             \
  /* queries (B, M, 3), points (B, N, 3) -> squared distances and indices (B, M, K), nearest first */             \
  void nearest_neighbours(const Tensor& queries, const Tensor& points, const Tensor& squared_distances,           \
                          const Tensor& indices);

namespace cpu {
POINTNET2_OPS_DECLARE_KERNELS
}

#ifdef USE_CUDA
namespace cuda {
POINTNET2_OPS_DECLARE_KERNELS
}
#endif

// Points whose squared norm is at most this are no candidates under the old package's name for the sampling. The
// comparison is in double on every device: 1e-3 is no float, and rounding it would move the border.
constexpr double NEAR_ORIGIN_SQUARED = 1e-3;

// Calls `function` with a zero of the C++ type that `type` names.
template <typename Function>
void with_float_type(ScalarType type, const Function& function) {
  switch (type) {
    case ScalarType::Float:
      return function(float{});
    case ScalarType::Double:
      return function(double{});
    default:
      throw std::invalid_argument("pointnet2_ops: expected a tensor of float32 or float64");
  }
}

template <typename Function>
void with_index_type(ScalarType type, const Function& function) {
  switch (type) {
    case ScalarType::Int:
      return function(int32_t{});
    case ScalarType::Long:
      return function(int64_t{});
    default:
      throw std::invalid_argument("pointnet2_ops: expected a tensor of int32 or int64");
  }
}

}  // namespace pointnet2_ops
