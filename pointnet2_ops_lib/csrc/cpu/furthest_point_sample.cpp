// Exact farthest point sampling that touches only what a new pick can change.
//
// Each cloud is sorted along a Morton curve and cut into blocks of neighbouring points. A block knows its bounding box
// and the largest distance of its points to the picks so far. A pick that is farther from the box than that distance
// changes nothing inside, so the block is skipped. Rounding is monotone and box and points are measured in the same
// order of operations, so a skip is never wrong, not even in the last bit.

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

constexpr int64_t BLOCK = 64;

// The point of a block that is farthest from all picks; among equals the one that comes first in the caller's order.
template <typename scalar>
struct Farthest {
  scalar distance;
  int32_t index;
};

template <typename scalar>
[[gnu::always_inline]] inline void box_distances_loop(const scalar* const* low, const scalar* const* high,
                                                      int64_t blocks, const scalar* pick, scalar* distances) {
#pragma omp simd
  for (int64_t block = 0; block < blocks; ++block) {
    scalar distance = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const scalar below = low[axis][block] - pick[axis], above = pick[axis] - high[axis][block];
      const scalar outside = below > above ? below : above;
      const scalar offset = outside > 0 ? outside : scalar(0);
      distance += offset * offset;
    }
    distances[block] = distance;
  }
}

template <typename scalar>
[[gnu::always_inline]] inline Farthest<scalar> update_block_loop(const scalar* const* planes, int64_t start,
                                                                 const int32_t* original, const scalar* pick,
                                                                 scalar* distances) {
  const scalar *x = planes[0] + start, *y = planes[1] + start, *z = planes[2] + start;
  const scalar pick_x = pick[0], pick_y = pick[1], pick_z = pick[2];
  scalar farthest = -std::numeric_limits<scalar>::infinity();
#pragma omp simd reduction(max : farthest)
  for (int64_t point = 0; point < BLOCK; ++point) {
    const scalar dx = x[point] - pick_x, dy = y[point] - pick_y, dz = z[point] - pick_z;
    const scalar distance = dx * dx + dy * dy + dz * dz;
    const scalar kept = distance < distances[point] ? distance : distances[point];
    distances[point] = kept;
    farthest = kept > farthest ? kept : farthest;
  }
  int32_t first = std::numeric_limits<int32_t>::max();
#pragma omp simd reduction(min : first)
  for (int64_t point = 0; point < BLOCK; ++point) {
    const int32_t candidate = distances[point] == farthest ? original[point] : std::numeric_limits<int32_t>::max();
    first = candidate < first ? candidate : first;
  }
  return {farthest, first};
}

POINTNET2_OPS_VECTORISED
void box_distances(const float* const* low, const float* const* high, int64_t blocks, const float* pick,
                   float* distances) {
  box_distances_loop(low, high, blocks, pick, distances);
}

POINTNET2_OPS_VECTORISED
void box_distances(const double* const* low, const double* const* high, int64_t blocks, const double* pick,
                   double* distances) {
  box_distances_loop(low, high, blocks, pick, distances);
}

POINTNET2_OPS_VECTORISED
Farthest<float> update_block(const float* const* planes, int64_t start, const int32_t* original, const float* pick,
                             float* distances) {
  return update_block_loop(planes, start, original, pick, distances);
}

POINTNET2_OPS_VECTORISED
Farthest<double> update_block(const double* const* planes, int64_t start, const int32_t* original, const double* pick,
                              double* distances) {
  return update_block_loop(planes, start, original, pick, distances);
}

template <typename scalar>
class BlockedCloud {
 public:
  BlockedCloud(const scalar* points, int64_t count, bool skip_near_origin);
  void sample(int32_t* indices, int64_t count);

 private:
  void fill_blocks(const std::vector<int32_t>& order, bool skip_near_origin);
  void measure_boxes(int64_t filled);
  int32_t pick_next(int32_t last);

  const scalar* points_;
  int64_t blocks_;
  std::vector<scalar> planes_[3], distances_;  // one entry for each point, in Morton order
  std::vector<int32_t> original_;
  std::vector<scalar> low_[3], high_[3], box_distances_;  // one entry for each block
  std::vector<Farthest<scalar>> farthest_;
};

// Spreads the lowest ten bits of `value` so that two zeros follow each.
uint32_t spread_bits(uint32_t value) {
  value = (value | value << 16) & 0x030000ff;
  value = (value | value << 8) & 0x0300f00f;
  value = (value | value << 4) & 0x030c30c3;
  return (value | value << 2) & 0x09249249;
}

// The cell of every point in a grid of about as many cells as points, numbered along a Morton curve.
template <typename scalar>
std::vector<uint32_t> morton_cells(const scalar* points, int64_t count, uint32_t side) {
  std::vector<uint32_t> cells(count, 0);
  for (int axis = 0; axis < 3; ++axis) {
    scalar low = points[axis], high = points[axis];
    for (int64_t point = 0; point < count; ++point) {
      low = std::min(low, points[point * 3 + axis]);
      high = std::max(high, points[point * 3 + axis]);
    }
    const scalar scale = high > low ? scalar(side) / (high - low) : scalar(0);
    for (int64_t point = 0; point < count; ++point) {
      const scalar place = (points[point * 3 + axis] - low) * scale;
      // Written so that a NaN lands in cell 0: converting one to an integer is undefined.
      const uint32_t cell = place > 0 ? (place < scalar(side) ? static_cast<uint32_t>(place) : side - 1) : 0;
      cells[point] |= spread_bits(cell) << axis;
    }
  }
  return cells;
}

// Point numbers in Morton order: a counting sort.
template <typename scalar>
std::vector<int32_t> morton_order(const scalar* points, int64_t count) {
  int bits = 1;
  while (bits < 7 && int64_t{1} << (3 * bits) < count) {
    ++bits;
  }
  const std::vector<uint32_t> cells = morton_cells(points, count, 1u << bits);
  std::vector<int32_t> position((size_t{1} << (3 * bits)) + 1, 0);
  for (uint32_t cell : cells) {
    ++position[cell + 1];
  }
  for (size_t cell = 1; cell < position.size(); ++cell) {
    position[cell] += position[cell - 1];
  }
  std::vector<int32_t> order(count);
  for (int64_t point = 0; point < count; ++point) {
    order[position[cells[point]]++] = static_cast<int32_t>(point);
  }
  return order;
}

template <typename scalar>
BlockedCloud<scalar>::BlockedCloud(const scalar* points, int64_t count, bool skip_near_origin)
    : points_(points), blocks_((count + BLOCK - 1) / BLOCK) {
  for (int axis = 0; axis < 3; ++axis) {
    planes_[axis].assign(blocks_ * BLOCK, 0);
    low_[axis].resize(blocks_);
    high_[axis].resize(blocks_);
  }
  // The last block is filled up with points that are never picked: their distance is below every other.
  distances_.assign(blocks_ * BLOCK, -std::numeric_limits<scalar>::infinity());
  original_.assign(blocks_ * BLOCK, std::numeric_limits<int32_t>::max());
  box_distances_.resize(blocks_);
  // Not a number: no box is farther than that, so the first pick visits every block.
  farthest_.assign(blocks_, {std::numeric_limits<scalar>::quiet_NaN(), 0});
  fill_blocks(morton_order(points, count), skip_near_origin);
  measure_boxes(count);
}

template <typename scalar>
void BlockedCloud<scalar>::fill_blocks(const std::vector<int32_t>& order, bool skip_near_origin) {
  for (size_t place = 0; place < order.size(); ++place) {
    const scalar* point = points_ + int64_t{order[place]} * 3;
    for (int axis = 0; axis < 3; ++axis) {
      planes_[axis][place] = point[axis];
    }
    const scalar squared_norm = point[0] * point[0] + point[1] * point[1] + point[2] * point[2];
    const bool skipped = skip_near_origin && static_cast<double>(squared_norm) <= NEAR_ORIGIN_SQUARED;
    distances_[place] = skipped ? scalar(-1) : std::numeric_limits<scalar>::infinity();
    original_[place] = order[place];
  }
}

template <typename scalar>
void BlockedCloud<scalar>::measure_boxes(int64_t filled) {
  for (int axis = 0; axis < 3; ++axis) {
    for (int64_t block = 0; block < blocks_; ++block) {
      const auto first = planes_[axis].begin() + block * BLOCK;
      const auto last = planes_[axis].begin() + std::min(filled, (block + 1) * BLOCK);
      const auto [low, high] = std::minmax_element(first, last);
      low_[axis][block] = *low;
      high_[axis][block] = *high;
    }
  }
}

// Takes the last pick into account and returns the point that is now farthest.
template <typename scalar>
int32_t BlockedCloud<scalar>::pick_next(int32_t last) {
  const scalar* pick = points_ + int64_t{last} * 3;
  const scalar* planes[3] = {planes_[0].data(), planes_[1].data(), planes_[2].data()};
  const scalar* low[3] = {low_[0].data(), low_[1].data(), low_[2].data()};
  const scalar* high[3] = {high_[0].data(), high_[1].data(), high_[2].data()};
  box_distances(low, high, blocks_, pick, box_distances_.data());
  Farthest<scalar> best = {-std::numeric_limits<scalar>::infinity(), 0};
  for (int64_t block = 0; block < blocks_; ++block) {
    Farthest<scalar>& here = farthest_[block];
    if (!(box_distances_[block] >= here.distance)) {
      const int64_t start = block * BLOCK;
      here = update_block(planes, start, original_.data() + start, pick, distances_.data() + start);
    }
    if (here.distance > best.distance || (here.distance == best.distance && here.index < best.index)) {
      best = here;
    }
  }
  return best.index;
}

template <typename scalar>
void BlockedCloud<scalar>::sample(int32_t* indices, int64_t count) {
  indices[0] = 0;
  for (int64_t taken = 1; taken < count; ++taken) {
    indices[taken] = pick_next(indices[taken - 1]);
  }
}

}  // namespace

void furthest_point_sample(const Tensor& points, bool skip_near_origin, const Tensor& indices) {
  const int64_t clouds = points.size(0), points_each = points.size(1), count = indices.size(1);
  int32_t* output = indices.mutable_data_ptr<int32_t>();
  with_float_type(points.scalar_type(), [&](auto zero) {
    using scalar = decltype(zero);
    require_finite<scalar>("furthest_point_sample, farthest_point_sample", "xyz (points)", points);
    const scalar* input = points.const_data_ptr<scalar>();
    // Every pick depends on the one before, so the cores share the clouds.
    torch::stable::parallel_for(0, clouds, 1, [&](int64_t begin, int64_t end) {
      for (int64_t cloud = begin; cloud < end; ++cloud) {
        BlockedCloud<scalar>(input + cloud * points_each * 3, points_each, skip_near_origin)
            .sample(output + cloud * count, count);
      }
    });
  });
}

}  // namespace pointnet2_ops::cpu
