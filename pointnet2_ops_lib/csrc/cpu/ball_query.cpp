// The first points, in the order of their numbers, within a radius of each centre.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include <torch/csrc/stable/ops.h>

#include "../kernels.h"
#include "finite.h"
#include "vectorised.h"

namespace pointnet2_ops::cpu {
namespace {

// A centre is compared with runs of this many points: few enough for their distances to stay in the fastest cache.
constexpr int64_t RUN = 256;

// Squared distances of `length` points from `centre`, and the smallest of them.
template <typename scalar>
[[gnu::always_inline]] inline scalar measure_run_loop(const scalar* x, const scalar* y, const scalar* z,
                                                      int64_t length, const scalar* centre, scalar* distances) {
  const scalar centre_x = centre[0], centre_y = centre[1], centre_z = centre[2];
  scalar nearest = std::numeric_limits<scalar>::infinity();
#pragma omp simd reduction(min : nearest)
  for (int64_t place = 0; place < length; ++place) {
    const scalar dx = x[place] - centre_x, dy = y[place] - centre_y, dz = z[place] - centre_z;
    const scalar distance = dx * dx + dy * dy + dz * dz;
    distances[place] = distance;
    nearest = distance < nearest ? distance : nearest;
  }
  return nearest;
}

POINTNET2_OPS_VECTORISED
float measure_run(const float* x, const float* y, const float* z, int64_t length, const float* centre,
                  float* distances) {
  return measure_run_loop(x, y, z, length, centre, distances);
}

POINTNET2_OPS_VECTORISED
double measure_run(const double* x, const double* y, const double* z, int64_t length, const double* centre,
                   double* distances) {
  return measure_run_loop(x, y, z, length, centre, distances);
}

// (clouds, count, 3) in, (clouds, 3, count) out: vector loads need one coordinate after the other.
template <typename scalar>
std::vector<scalar> to_planes(const scalar* points, int64_t clouds, int64_t count) {
  std::vector<scalar> planes(clouds * 3 * count);
  for (int64_t cloud = 0; cloud < clouds; ++cloud) {
    for (int64_t point = 0; point < count; ++point) {
      for (int64_t axis = 0; axis < 3; ++axis) {
        planes[(cloud * 3 + axis) * count + point] = points[(cloud * count + point) * 3 + axis];
      }
    }
  }
  return planes;
}

// Writes at most `wanted` point numbers to `found` and returns how many there were.
template <typename scalar>
int64_t points_in_ball(const scalar* planes, int64_t count, const scalar* centre, scalar squared_radius,
                       int64_t wanted, int32_t* found) {
  scalar distances[RUN];
  int64_t hits = 0;
  for (int64_t start = 0; start < count && hits < wanted; start += RUN) {
    const int64_t length = std::min(RUN, count - start);
    const scalar *x = planes + start, *y = x + count, *z = y + count;
    if (!(measure_run(x, y, z, length, centre, distances) < squared_radius)) {
      continue;
    }
    for (int64_t place = 0; place < length && hits < wanted; ++place) {
      if (distances[place] < squared_radius) {
        found[hits++] = static_cast<int32_t>(start + place);
      }
    }
  }
  return hits;
}

}  // namespace

void ball_query(const Tensor& points, const Tensor& centres, double radius, const Tensor& indices) {
  const int64_t clouds = points.size(0), count = points.size(1);
  const int64_t centres_each = centres.size(1), wanted = indices.size(2);
  int32_t* output = indices.mutable_data_ptr<int32_t>();
  with_float_type(points.scalar_type(), [&](auto zero) {
    using scalar = decltype(zero);
    require_finite<scalar>("ball_query", "xyz", points);
    require_finite<scalar>("ball_query", "new_xyz", centres);
    const scalar squared_radius = static_cast<scalar>(radius) * static_cast<scalar>(radius);
    const std::vector<scalar> planes = to_planes(points.const_data_ptr<scalar>(), clouds, count);
    const scalar* centre = centres.const_data_ptr<scalar>();
    torch::stable::parallel_for(0, clouds * centres_each, 16, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const scalar* cloud = planes.data() + row / centres_each * 3 * count;
        int32_t* found = output + row * wanted;
        const int64_t hits = points_in_ball(cloud, count, centre + row * 3, squared_radius, wanted, found);
        if (hits > 0) {
          std::fill(found + hits, found + wanted, found[0]);
        }
      }
    });
  });
}

}  // namespace pointnet2_ops::cpu
