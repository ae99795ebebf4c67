// The first half of a turn: waiting requests become features and prefixes, and these become sequences.
#include <algorithm>

#include "base/faults.h"
#include "engine/engine_state.h"
#include "model/batch.h"

namespace paligemma {

// Sequences that nobody uses, the lowest first: those in a row are computed together.
std::vector<int> Engine::free_sequences() const {
    const size_t taken = running().size();
    std::vector<int> free;
    for (size_t i = 0; i < slots_.size() && taken + free.size() < most_; ++i) {
        if (!slots_[i] && soiled_.count(int(i)) == 0) free.push_back(int(i));
    }
    return free;
}

// ---- waiting requests -> prefixes and features

std::optional<Request> Engine::take(double & waited) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (stopping_ || queue_.empty()) return std::nullopt;
    auto [request, since] = std::move(queue_.front());
    queue_.pop_front();
    open_.insert(request.id);
    waited = milliseconds_since(since);
    return std::move(request);
}

// Takes up requests for which there will be a sequence, a batch of images at a time.
void Engine::prepare() {
    if (!soiled_.empty() && running().empty()) {
        llama_memory_clear(llama_get_memory(context_.get()), /*data*/ true);
        soiled_.clear();
    }
    std::vector<Ready> taken;
    // A beam search waits for the one before it, not for a sequence, and takes no place of who could begin.
    const auto needs_sequence = [](const Ready & ready) { return ready.request.beams == 1; };
    const size_t waiting = size_t(std::count_if(ready_.begin(), ready_.end(), needs_sequence));
    const size_t free = free_sequences().size();
    for (size_t tokens = 0; waiting + taken.size() < free && tokens < options_.vision_batch_tokens;) {
        double waited = 0;
        auto request = take(waited);
        if (!request) break;
        tokens += request->images.size() * size_t(vision_->tokens());
        compute({request->id}, [&] { open(std::move(*request), waited, taken); });
    }
    std::vector<Ready *> requests;
    for (Ready & ready : taken) requests.push_back(&ready);
    together(requests, [this](const auto & some) { see(some); }, [this](Ready & ready) { seen(ready); });
}

void Engine::open(Request request, double waited, std::vector<Ready> & taken) {
    if (request.kind == Request::MASKS) {
        if (!mask_decoder_) return answer(Masks{request.id, {}});
        masking_.push_back({std::move(request)});
        return;
    }
    Ready ready{std::move(request), {}};
    ready.timings.queue = waited;
    if (ready.request.kind != Request::ENCODE) {
        fail_on_purpose("prefix");
        const size_t image_tokens = ready.request.images.size() * size_t(vision_->tokens());
        ready.prefix = make_prefix(*model_, ready.request.prompt, image_tokens, options_.image_token);
        if (ready.prefix.ids.size() > limit()) return answer(TooLong{ready.request.id, ready.prefix.ids.size(), limit()});
    }
    taken.push_back(std::move(ready));
}

// Fills in the features of all pictures. What is not remembered is encoded together.
void Engine::see(const std::vector<Ready *> & requests) {
    const auto started = Clock::now();
    std::vector<Features>       found;
    std::vector<const Pixels *> unknown;
    for (Ready * ready : requests) {
        ready->remembered_images = 0;
        for (const Pixels & pixels : ready->request.images) {
            found.push_back(remembered_->find(pixels));
            ready->remembered_images += found.back() != nullptr;
            if (!found.back()) unknown.push_back(&pixels);
        }
    }
    const std::vector<float> encoded = vision_->encode(unknown);
    const size_t each = size_t(vision_->tokens()) * size_t(vision_->width());
    size_t image = 0, next = 0;
    for (Ready * ready : requests) {
        ready->features.clear();
        ready->features.reserve(ready->request.images.size() * each);
        for (const Pixels & pixels : ready->request.images) {
            Features & features = found[image++];
            if (!features) {
                const float * from = encoded.data() + next++ * each;
                features = std::make_shared<const std::vector<float>>(from, from + each);
                if (all_finite(*features)) remembered_->add(pixels, features);
            }
            ready->features.insert(ready->features.end(), features->begin(), features->end());
        }
        ready->timings.vision = ready->request.images.size() > ready->remembered_images ? milliseconds_since(started) : 0;
    }
}

void Engine::seen(Ready & ready) {
    check_numbers(all_finite(ready.features), "the image features");
    if (ready.request.kind == Request::ENCODE) {
        answer(Encoded{ready.request.id, std::move(ready.features), ready.timings});
    } else {
        ready_.push_back(std::move(ready));
    }
}

// ---- prefixes -> running sequences

// The one that waits longest, and others of its length: llama.cpp computes sequences together that have as many tokens. A beam
// search goes alone, and one at a time: while one is under way, those behind it go on.
std::vector<Engine::Ready> Engine::next_group() {
    const auto can_start = [this](const Ready & ready) { return ready.request.beams == 1 || !search_; };
    std::vector<Ready> group;
    const auto first = std::find_if(ready_.begin(), ready_.end(), can_start);
    if (first == ready_.end()) return group;
    const size_t length = first->prefix.ids.size();
    const bool   alone  = first->request.beams > 1;
    const size_t fit    = std::max<size_t>(llama_n_ubatch(context_.get()) / length, 1);
    const size_t most   = alone ? 1 : std::min(fit, free_sequences().size());
    for (auto ready = first; ready != ready_.end() && group.size() < most;) {
        if (ready->prefix.ids.size() == length && (ready->request.beams > 1) == alone) {
            group.push_back(std::move(*ready));
            ready = ready_.erase(ready);
        } else {
            ++ready;
        }
    }
    return group;
}

void Engine::start() {
    if (stopping_) return;
    std::vector<Ready> group = next_group();
    if (group.empty()) return;
    if (group[0].request.beams > 1) {
        compute({group[0].request.id}, [&] { begin_search(group[0]); });
        return;
    }
    const std::vector<int> free = free_sequences();
    std::vector<Ready *> requests;
    for (size_t i = 0; i < group.size(); ++i) {
        group[i].sequence = free[i];
        requests.push_back(&group[i]);
    }
    together(requests, [this](const auto & some) { prefill(some); }, [this](Ready & ready) { place(ready); });
}

void Engine::prefill(const std::vector<Ready *> & group) {
    const auto started = Clock::now();
    const size_t length = group[0]->prefix.ids.size();
    std::vector<float>  rows;
    std::vector<int>    sequences;
    std::vector<Output> outputs;
    for (Ready * ready : group) {
        const auto embedded = embed(*model_, ready->prefix, ready->features);
        rows.insert(rows.end(), embedded.begin(), embedded.end());
        sequences.push_back(ready->sequence);
        outputs.push_back(output_for(ready->request));
        ready->row = int32_t(sequences.size() * length - 1);
    }
    check_decoded(decode_prefixes(context_.get(), sequences, length, rows, outputs), "computing the prefix");
    for (Ready * ready : group) ready->timings.prefill = milliseconds_since(started);
}

// Gives a computed prefix its sequence and samples the first token.
void Engine::place(Ready & ready) {
    Request & request = ready.request;
    if (request.kind == Request::TRACE) return trace(ready, llama_get_logits_ith(context_.get(), ready.row));

    std::vector<llama_token> forced;
    if (request.forced) {
        forced = model_->tokenize(*request.forced);
        forced.push_back(model_->eos());
        request.max_tokens = int(forced.size());
        const size_t needed = ready.prefix.ids.size() + forced.size() - 1; // the last one is not fed back
        if (needed > limit()) return answer(TooLong{request.id, needed, limit()});
    }
    std::unique_ptr<Constraint> constraint;
    if (request.constraint) constraint = std::make_unique<Constraint>(*model_, request.constraint->labels, request.constraint->segment);

    const size_t image_tokens = ready.prefix.image_tokens;
    Sampler sampler(*model_, request.sampling, std::move(constraint), std::move(forced));
    Answer  text(request.with_marks, request.stops);
    std::unique_ptr<Slot> & slot = slots_[size_t(ready.sequence)];
    slot = std::make_unique<Slot>(Slot{std::move(request), std::move(sampler), std::move(text), ready.timings, Clock::now(), ready.sequence,
                                       image_tokens, ready.prefix.ids.size() - image_tokens, ready.remembered_images, ready.row});
    accept(*slot);
}

void Engine::trace(Ready & ready, const float * logits) {
    const bool finite = all_finite(logits, size_t(model_->vocabulary()));
    if (!finite) soiled_.insert(ready.sequence);
    check_numbers(finite, "the logits");
    Traced traced{ready.request.id, std::move(ready.prefix.ids), {}, std::move(ready.features), {logits, logits + model_->vocabulary()}};
    for (const Pixels & pixels : ready.request.images) {
        const auto planes = normalise(pixels);
        traced.pixels.insert(traced.pixels.end(), planes.begin(), planes.end());
    }
    answer(std::move(traced));
}

} // namespace paligemma
