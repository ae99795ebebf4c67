// A `ggml_mul_mat` as the kernels see it.
#pragma once

#include <algorithm>

#include "ggml-backend.h"
#include "ggml.h"

namespace paligemma {

inline constexpr int64_t divide_up(int64_t n, int64_t by) { return (n + by - 1)/by; }

/** Products of a matrix of weights with all columns that meet it: of several heads or pictures too. */
struct Product {
    const ggml_tensor *weights, *activations, *result;
    int64_t rows, depth, matrices, columns; // columns of one matrix

    explicit Product(const ggml_tensor * node)
        : weights(node->src[0]), activations(node->src[1]), result(node), rows(weights->ne[1]), depth(weights->ne[0]),
          matrices(weights->ne[2]*weights->ne[3]), columns(ggml_nrows(activations)/std::max<int64_t>(matrices, 1)) {}

    /** Whether there is something to compute, of operands that lie as ggml lays them out by itself. */
    bool plain() const { return !weights->extra && activations->type == GGML_TYPE_F32 && rows > 0 && depth > 0 && columns > 0; }

    const char * matrix(int64_t m) const {
        return (const char *) weights->data + m % weights->ne[2]*weights->nb[2] + m / weights->ne[2]*weights->nb[3];
    }

    /** Where columns c, c + 1, ... of matrix m are in the activations or the result, from their value k on. */
    void find_columns(const ggml_tensor * t, int64_t m, int64_t c, int count, int64_t k, float ** found) const {
        if (t->ne[2] == 1 && t->ne[3] == 1) { // most products: no division for them
            for (int j = 0; j < count; ++j) found[j] = (float *) ((char *) t->data + (c + j)*t->nb[1]) + k;
            return;
        }
        const int64_t heads = t->ne[2]/weights->ne[2], images = t->ne[3]/weights->ne[3]; // that share a matrix
        int64_t i1 = c % t->ne[1], head = c/t->ne[1] % heads, image = c/(t->ne[1]*heads);
        for (int j = 0; j < count; ++j) {
            const int64_t i2 = m % weights->ne[2]*heads + head, i3 = m / weights->ne[2]*images + image;
            char *        first = (char *) t->data + i1*t->nb[1] + i2*t->nb[2] + i3*t->nb[3];
            for (; j < count && i1 < t->ne[1]; ++j, ++i1, first += t->nb[1]) found[j] = (float *) first + k;
            --j;
            i1 = 0;
            if (++head == heads) {
                head = 0;
                ++image;
            }
        }
    }
};

} // namespace paligemma
