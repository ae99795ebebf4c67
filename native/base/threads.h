// The threads that compute: one pool for the vision tower and the text model, which never run at the same time. Without
// it ggml starts and joins its threads for every image and every token.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>

#include "base/backends.h"

namespace paligemma {

class Threads {
public:
    // `interrupt` is asked between the nodes of a graph and ends the computation when it returns true.
    Threads(int count, std::function<bool()> interrupt) : count_(count), interrupt_(std::move(interrupt)) {
        ggml_threadpool_params params = ggml_threadpool_params_default(count);
        params.poll = 0; // waiting threads sleep: the processors are also the event loop's and the image decoder's
        pool_.reset(cpu_backend().threadpool_new(&params));
        if (!pool_) throw std::runtime_error("no threads can be started");
    }

    int               count() const { return count_; }
    ggml_threadpool * pool() const { return pool_.get(); }

    static bool interrupted(void * self) { return static_cast<Threads *>(self)->interrupt_(); }

private:
    struct Free {
        void operator()(ggml_threadpool * pool) const { cpu_backend().threadpool_free(pool); }
    };
    int                                    count_;
    std::function<bool()>                  interrupt_;
    std::unique_ptr<ggml_threadpool, Free> pool_;
};

} // namespace paligemma
