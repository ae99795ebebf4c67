// Work on libuv's threads.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

namespace paligemma {

// Runs `work` on a pool thread and settles a promise with what `convert` makes of its result. Whatever fails on the way
// rejects the promise: thrown from a completion, it would be an uncaught exception and the promise would wait for ever.
template <typename Result> class PromiseWorker : public Napi::AsyncWorker {
public:
    using Work    = std::function<Result()>;
    using Convert = std::function<Napi::Value(Napi::Env, Result &)>;

    static Napi::Value start(Napi::Env env, Work work, Convert convert) {
        std::unique_ptr<PromiseWorker> worker(new PromiseWorker(env, std::move(work), std::move(convert)));
        const auto deferred = worker->deferred_;
        try {
            worker->Queue();
            worker.release(); // deletes itself when it is done
        } catch (const Napi::Error & error) {
            deferred.Reject(error.Value());
        }
        return deferred.Promise();
    }

protected:
    PromiseWorker(Napi::Env env, Work work, Convert convert)
        : AsyncWorker(env, "paligemma"), work_(std::move(work)), convert_(std::move(convert)), deferred_(env) {}

    void Execute() override { result_ = work_(); } // an exception becomes OnError
    void OnOK() override {
        try {
            deferred_.Resolve(convert_(Env(), result_));
        } catch (const Napi::Error & error) {
            deferred_.Reject(error.Value());
        } catch (const std::exception & error) {
            deferred_.Reject(Napi::Error::New(Env(), error.what()).Value());
        }
    }
    void OnError(const Napi::Error & error) override { deferred_.Reject(error.Value()); }

private:
    Work                    work_;
    Convert                 convert_;
    Napi::Promise::Deferred deferred_;
    Result                  result_{};
};

} // namespace paligemma
