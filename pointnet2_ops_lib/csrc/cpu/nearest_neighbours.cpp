// The nearest points of each query, by comparing it with every point.
//
// A group of queries is served together, one to a vector lane: a point is measured from all of them at once and, where
// it belongs into the list of any, sinks into the lists of all without a branch.

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

constexpr int64_t LANES = 16;

// The lists of one group, sorted by distance: entry [rank * LANES + lane].
template <typename scalar>
struct Lists {
  scalar queries[3][LANES];
  std::vector<scalar> distances;
  std::vector<int32_t> indices;
};

// Points come in the order of their numbers and an equal distance does not move ahead, so of two points at the same
// distance the lower number comes first.
template <typename scalar>
[[gnu::always_inline]] inline void sink(const scalar* distance, int32_t point, int64_t wanted, scalar* distances,
                                        int32_t* indices) {
  for (int64_t rank = wanted - 1; rank > 0; --rank) {
    scalar *here = distances + rank * LANES, *above = here - LANES;
    int32_t *here_index = indices + rank * LANES, *above_index = here_index - LANES;
#pragma omp simd
    for (int64_t lane = 0; lane < LANES; ++lane) {
      const bool passes_above = distance[lane] < above[lane], passes_here = distance[lane] < here[lane];
      const scalar settled = passes_here ? distance[lane] : here[lane];
      const int32_t settled_index = passes_here ? point : here_index[lane];
      here[lane] = passes_above ? above[lane] : settled;
      here_index[lane] = passes_above ? above_index[lane] : settled_index;
    }
  }
#pragma omp simd
  for (int64_t lane = 0; lane < LANES; ++lane) {
    const bool first = distance[lane] < distances[lane];
    distances[lane] = first ? distance[lane] : distances[lane];
    indices[lane] = first ? point : indices[lane];
  }
}

template <typename scalar>
[[gnu::always_inline]] inline void search_loop(const scalar* points, int64_t count, int64_t wanted,
                                               const scalar (*queries)[LANES], scalar* distances, int32_t* indices) {
  const scalar* worst = distances + (wanted - 1) * LANES;
  for (int64_t point = 0; point < count; ++point) {
    const scalar *position = points + point * 3, x = position[0], y = position[1], z = position[2];
    scalar distance[LANES];
    int32_t closer = 0;
#pragma omp simd reduction(| : closer)
    for (int64_t lane = 0; lane < LANES; ++lane) {
      const scalar dx = x - queries[0][lane], dy = y - queries[1][lane], dz = z - queries[2][lane];
      distance[lane] = dx * dx + dy * dy + dz * dz;
      closer |= distance[lane] < worst[lane];
    }
    if (closer) {
      sink(distance, static_cast<int32_t>(point), wanted, distances, indices);
    }
  }
}

POINTNET2_OPS_VECTORISED
void search(const float* points, int64_t count, int64_t wanted, const float (*queries)[LANES], float* distances,
            int32_t* indices) {
  search_loop(points, count, wanted, queries, distances, indices);
}

POINTNET2_OPS_VECTORISED
void search(const double* points, int64_t count, int64_t wanted, const double (*queries)[LANES], double* distances,
            int32_t* indices) {
  search_loop(points, count, wanted, queries, distances, indices);
}

// Fills the rows of up to LANES queries; a group that is not full repeats its last query.
template <typename scalar>
void serve_group(const scalar* points, int64_t count, const scalar* queries, int64_t size, int64_t wanted,
                 Lists<scalar>& lists, scalar* distances, int32_t* indices) {
  for (int64_t lane = 0; lane < LANES; ++lane) {
    for (int axis = 0; axis < 3; ++axis) {
      lists.queries[axis][lane] = queries[std::min(lane, size - 1) * 3 + axis];
    }
  }
  // Infinite or undefined distances never enter a list: such entries keep point 0.
  lists.distances.assign(wanted * LANES, std::numeric_limits<scalar>::infinity());
  lists.indices.assign(wanted * LANES, 0);
  search(points, count, wanted, lists.queries, lists.distances.data(), lists.indices.data());
  for (int64_t lane = 0; lane < size; ++lane) {
    for (int64_t rank = 0; rank < wanted; ++rank) {
      distances[lane * wanted + rank] = lists.distances[rank * LANES + lane];
      indices[lane * wanted + rank] = lists.indices[rank * LANES + lane];
    }
  }
}

}  // namespace

void nearest_neighbours(const Tensor& queries, const Tensor& points, const Tensor& squared_distances,
                        const Tensor& indices) {
  const int64_t clouds = points.size(0), count = points.size(1), queries_each = queries.size(1);
  const int64_t wanted = indices.size(2), groups = (queries_each + LANES - 1) / LANES;
  int32_t* found = indices.mutable_data_ptr<int32_t>();
  with_float_type(points.scalar_type(), [&](auto zero) {
    using scalar = decltype(zero);
    require_finite<scalar>("nearest_neighbours, three_nn", "queries (unknown)", queries);
    require_finite<scalar>("nearest_neighbours, three_nn", "points (known)", points);
    const scalar* cloud = points.const_data_ptr<scalar>();
    const scalar* query = queries.const_data_ptr<scalar>();
    scalar* distances = squared_distances.mutable_data_ptr<scalar>();
    torch::stable::parallel_for(0, clouds * groups, 4, [&](int64_t begin, int64_t end) {
      Lists<scalar> lists;
      for (int64_t task = begin; task < end; ++task) {
        const int64_t place = task % groups * LANES, row = task / groups * queries_each + place;
        serve_group(cloud + task / groups * count * 3, count, query + row * 3, std::min(LANES, queries_each - place),
                    wanted, lists, distances + row * wanted, found + row * wanted);
      }
    });
  });
}

}  // namespace pointnet2_ops::cpu
