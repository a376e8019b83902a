// The operators: schemas, checks that keep every read in range, allocation, and the way to the CPU or CUDA kernel.
//
// Friendly messages come from pointnet2_ops/_checks.py. The checks here repeat only what memory safety needs, because
// torch.ops.pointnet2_ops can be called by anyone.

#include <Python.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>

#include "kernels.h"

namespace pointnet2_ops {
namespace {

#ifdef USE_CUDA
#define POINTNET2_OPS_RUN(kernel, first, ...) \
  ((first).is_cuda() ? cuda::kernel(first, __VA_ARGS__) : cpu::kernel(first, __VA_ARGS__))
#else
#define POINTNET2_OPS_RUN(kernel, ...) cpu::kernel(__VA_ARGS__)
#endif

void require(bool condition, const char* op, const char* what) {
  if (!condition) {
    throw std::invalid_argument(std::string(op) + ": " + what);
  }
}

bool has_shape(const Tensor& tensor, std::initializer_list<int64_t> shape) {
  if (tensor.dim() != static_cast<int64_t>(shape.size())) {
    return false;
  }
  int64_t dimension = 0;
  for (int64_t size : shape) {
    if (tensor.size(dimension++) != size) {
      return false;
    }
  }
  return true;
}

bool same_device(const Tensor& first, const Tensor& other) {
  return first.is_cuda() == other.is_cuda() && first.get_device_index() == other.get_device_index();
}

void require_points(const char* op, const Tensor& points) {
  require(points.dim() == 3 && points.size(2) == 3, op, "a point cloud must be of shape (B, N, 3)");
  require(points.size(1) <= std::numeric_limits<int32_t>::max(), op, "a point cloud is too large for int32 indices");
}

void require_pair(const char* op, const Tensor& first, const Tensor& other) {
  require_points(op, first);
  require_points(op, other);
  require(first.size(0) == other.size(0), op, "both point clouds must have the same batch size");
  require(first.scalar_type() == other.scalar_type(), op, "both point clouds must have the same dtype");
  require(same_device(first, other), op, "both point clouds must be on one device");
}

Tensor empty(const Tensor& like, std::initializer_list<int64_t> shape, ScalarType dtype) {
  return torch::stable::new_empty(like, shape, dtype);
}

Tensor zeros(const Tensor& like, std::initializer_list<int64_t> shape, ScalarType dtype) {
  return torch::stable::new_zeros(like, shape, dtype);
}

Tensor furthest_point_sample(const Tensor& points, int64_t count, bool skip_near_origin) {
  const char* op = "furthest_point_sample";
  require_points(op, points);
  require(count >= 1 && count <= points.size(1), op, "count must be between 1 and the number of points");
  Tensor indices = empty(points, {points.size(0), count}, ScalarType::Int);
  POINTNET2_OPS_RUN(furthest_point_sample, torch::stable::contiguous(points), skip_near_origin, indices);
  return indices;
}

Tensor gather_operation(const Tensor& features, const Tensor& indices) {
  const char* op = "gather_operation";
  require(features.dim() == 3 && indices.dim() == 2, op, "expected features (B, C, N) and indices (B, M)");
  require(has_shape(indices, {features.size(0), indices.size(1)}), op, "batch sizes differ");
  require(same_device(features, indices), op, "features and indices must be on one device");
  Tensor output = empty(features, {features.size(0), features.size(1), indices.size(1)}, features.scalar_type());
  POINTNET2_OPS_RUN(gather_operation, torch::stable::contiguous(features), torch::stable::contiguous(indices), output);
  return output;
}

Tensor gather_operation_backward(const Tensor& gradient, const Tensor& indices, int64_t points) {
  const char* op = "gather_operation_backward";
  require(gradient.dim() == 3 && points >= 0, op, "expected a gradient (B, C, M) and a number of points");
  require(has_shape(indices, {gradient.size(0), gradient.size(2)}), op, "expected indices (B, M)");
  require(same_device(gradient, indices), op, "gradient and indices must be on one device");
  Tensor output = zeros(gradient, {gradient.size(0), gradient.size(1), points}, gradient.scalar_type());
  POINTNET2_OPS_RUN(gather_operation_backward, torch::stable::contiguous(gradient),
                    torch::stable::contiguous(indices), output);
  return output;
}

Tensor three_interpolate(const Tensor& features, const Tensor& indices, const Tensor& weights) {
  const char* op = "three_interpolate";
  require(features.dim() == 3 && indices.dim() == 3, op, "expected features (B, C, N) and indices (B, M, 3)");
  require(has_shape(indices, {features.size(0), indices.size(1), 3}), op, "expected indices (B, M, 3)");
  require(has_shape(weights, {features.size(0), indices.size(1), 3}), op, "expected weights (B, M, 3)");
  require(same_device(features, indices) && same_device(features, weights), op, "inputs must be on one device");
  Tensor output = empty(features, {features.size(0), features.size(1), indices.size(1)}, features.scalar_type());
  POINTNET2_OPS_RUN(three_interpolate, torch::stable::contiguous(features), torch::stable::contiguous(indices),
                    torch::stable::contiguous(weights), output);
  return output;
}

Tensor three_interpolate_backward(const Tensor& gradient, const Tensor& indices, const Tensor& weights,
                                  int64_t points) {
  const char* op = "three_interpolate_backward";
  require(gradient.dim() == 3 && points >= 0, op, "expected a gradient (B, C, M) and a number of points");
  require(has_shape(indices, {gradient.size(0), gradient.size(2), 3}), op, "expected indices (B, M, 3)");
  require(has_shape(weights, {gradient.size(0), gradient.size(2), 3}), op, "expected weights (B, M, 3)");
  require(same_device(gradient, indices) && same_device(gradient, weights), op, "inputs must be on one device");
  Tensor output = zeros(gradient, {gradient.size(0), gradient.size(1), points}, gradient.scalar_type());
  POINTNET2_OPS_RUN(three_interpolate_backward, torch::stable::contiguous(gradient),
                    torch::stable::contiguous(indices), torch::stable::contiguous(weights), output);
  return output;
}

Tensor ball_query(const Tensor& points, const Tensor& centres, double radius, int64_t count) {
  const char* op = "ball_query";
  require_pair(op, points, centres);
  require(count >= 1, op, "count must be at least 1");
  require(count <= std::numeric_limits<int32_t>::max() / std::max<int64_t>(1, centres.size(0) * centres.size(1)), op,
          "the result would have more than 2^31 - 1 entries");
  Tensor indices = zeros(points, {points.size(0), centres.size(1), count}, ScalarType::Int);
  POINTNET2_OPS_RUN(ball_query, torch::stable::contiguous(points), torch::stable::contiguous(centres), radius,
                    indices);
  return indices;
}

std::tuple<Tensor, Tensor> nearest_neighbours(const Tensor& queries, const Tensor& points, int64_t count) {
  const char* op = "nearest_neighbours";
  require_pair(op, queries, points);
  require(count >= 1 && count <= points.size(1), op, "count must be between 1 and the number of points");
  Tensor distances = empty(queries, {queries.size(0), queries.size(1), count}, queries.scalar_type());
  Tensor indices = empty(queries, {queries.size(0), queries.size(1), count}, ScalarType::Int);
  POINTNET2_OPS_RUN(nearest_neighbours, torch::stable::contiguous(queries), torch::stable::contiguous(points),
                    distances, indices);
  return {distances, indices};
}

void register_kernels(torch::stable::detail::StableLibrary& library) {
  library.impl("furthest_point_sample", TORCH_BOX(&furthest_point_sample));
  library.impl("gather_operation", TORCH_BOX(&gather_operation));
  library.impl("gather_operation_backward", TORCH_BOX(&gather_operation_backward));
  library.impl("three_interpolate", TORCH_BOX(&three_interpolate));
  library.impl("three_interpolate_backward", TORCH_BOX(&three_interpolate_backward));
  library.impl("ball_query", TORCH_BOX(&ball_query));
  library.impl("nearest_neighbours", TORCH_BOX(&nearest_neighbours));
}

}  // namespace

STABLE_TORCH_LIBRARY(pointnet2_ops, library) {
  library.def("furthest_point_sample(Tensor points, SymInt count, bool skip_near_origin) -> Tensor");
  library.def("gather_operation(Tensor features, Tensor indices) -> Tensor");
  library.def("gather_operation_backward(Tensor gradient, Tensor indices, SymInt points) -> Tensor");
  library.def("three_interpolate(Tensor features, Tensor indices, Tensor weights) -> Tensor");
  library.def(
      "three_interpolate_backward(Tensor gradient, Tensor indices, Tensor weights, SymInt points) -> Tensor");
  library.def("ball_query(Tensor points, Tensor centres, float radius, SymInt count) -> Tensor");
  library.def("nearest_neighbours(Tensor queries, Tensor points, SymInt count) -> (Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(pointnet2_ops, CPU, library) {
  register_kernels(library);
}

#ifdef USE_CUDA
STABLE_TORCH_LIBRARY_IMPL(pointnet2_ops, CUDA, library) {
  register_kernels(library);
}
#endif

}  // namespace pointnet2_ops

// Importing pointnet2_ops._C loads this library, which registers the operators above; the module itself is empty.
PyMODINIT_FUNC PyInit__C(void) {
  static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_C", nullptr, -1, nullptr, nullptr, nullptr, nullptr,
                                   nullptr};
  return PyModule_Create(&definition);
}
