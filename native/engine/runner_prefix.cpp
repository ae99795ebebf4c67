// The first half of a turn: waiting requests become features and prefixes, and these become sequences.
#include <algorithm>
#include <utility>

#include "base/faults.h"
#include "engine/runner_task.h"

namespace paligemma {

// ---- waiting requests -> prefixes and features

// Takes up what there will be a sequence for, a batch of pictures at a time.
void Runner::take_up() {
    if (scheduler_.can_clear()) {
        llama_memory_clear(llama_get_memory(context_.get()), /*data*/ true);
        scheduler_.cleared();
    }
    while (const auto id = scheduler_.admit()) {
        compute({*id}, [&] { read(tasks_.at(*id)); });
        receive(mailbox_.collect_requests()); // who comes meanwhile is still in time for this turn
    }
    const auto ids = scheduler_.next_to_see();
    if (vision_worker_) return hand_over(ids);
    together(ids, [this](const auto & tasks) { see(tasks); }, [this](Task & task) { seen(task); });
}

void Runner::read(Task & task) {
    Request & request = task.request;
    if (request.kind == Request::MASKS) {
        if (!mask_decoder_) answer(Masks{request.id, {}});
        return;
    }
    task.timings.queue = milliseconds_since(task.posted);
    if (request.kind != Request::ENCODE) {
        fail_on_purpose("prefix");
        const size_t image_tokens = request.images.size() * size_t(vision_.tokens());
        task.prefix = make_prefix(model_, request.prompt, image_tokens, options_.image_token);
        size_t needed = task.prefix.ids.size();
        if (needed <= limit() && request.kind == Request::GENERATE) {
            std::visit([&](const auto & choice) {
                constexpr bool beams = std::is_same_v<std::decay_t<decltype(choice)>, Beams>;
                if constexpr (!beams) task.sampler = std::make_unique<Sampler>(model_, choice);
            }, request.choice);
            if (const auto length = task.sampler ? task.sampler->length() : std::nullopt) {
                request.max_tokens = int(*length);
                needed += *length - 1; // the last one is not fed back
            }
        }
        if (needed > limit()) return answer(TooLong{request.id, needed, limit()});
    }
    scheduler_.read(request.id, task.prefix.ids.size());
}

// Fills in the features of pictures that are remembered. Returns how many are not.
size_t Runner::recall(Task & task) {
    task.remembered_images = 0;
    task.features.clear();
    for (const Pixels & pixels : task.request.images) {
        task.features.push_back(remembered_.find(pixels));
        task.remembered_images += task.features.back() != nullptr;
    }
    return task.features.size() - task.remembered_images;
}

// Fills in those of the others.
void Runner::keep(Task & task, std::vector<Features>::const_iterator & encoded, double milliseconds) {
    const auto & images = task.request.images;
    for (size_t i = 0; i < images.size(); ++i) {
        if (task.features[i]) continue;
        task.features[i] = *encoded++;
        if (task.features[i]->finite) remembered_.add(images[i], task.features[i]);
    }
    task.timings.vision = images.size() > task.remembered_images ? milliseconds : 0;
}

// Fills in the features of all pictures. What is not remembered is encoded together.
void Runner::see(const std::vector<Task *> & tasks) {
    const auto started = Clock::now();
    std::vector<const Pixels *> unknown;
    for (Task * task : tasks) {
        recall(*task);
        for (size_t i = 0; i < task->features.size(); ++i) {
            if (!task->features[i]) unknown.push_back(&task->request.images[i]);
        }
    }
    const std::vector<Features> encoded = vision_.encode(unknown);
    const double milliseconds = milliseconds_since(started);
    if (!unknown.empty()) vision_times_.add(double(unknown.size()), milliseconds);
    auto next = encoded.begin();
    for (Task * task : tasks) keep(*task, next, milliseconds);
}

// The same beside the turns: who has pictures that are not remembered is seen in a later turn.
void Runner::hand_over(const std::vector<uint32_t> & ids) {
    std::vector<uint32_t> known;
    VisionWorker::Batch   batch;
    for (uint32_t id : ids) {
        Task & task = tasks_.at(id);
        if (recall(task) == 0) {
            known.push_back(id);
            continue;
        }
        VisionWorker::Part part{id, {}, {}};
        part.images.reserve(task.features.size());
        for (size_t i = 0; i < task.features.size(); ++i) {
            if (!task.features[i]) part.images.push_back(std::move(task.request.images[i]));
        }
        batch.parts.push_back(std::move(part));
    }
    if (!batch.parts.empty()) {
        vision_worker_->post(std::move(batch));
        scheduler_.looking(true);
    }
    together(known, [](const auto &) {}, [this](Task & task) { seen(task); });
}

// What has been encoded beside the turns, for those who still want it. What failed for several is encoded again for fewer, here: the
// worker is idle until it gets the next batch.
void Runner::take_seen() {
    auto batch = vision_worker_ ? vision_worker_->take() : std::nullopt;
    if (!batch) return;
    scheduler_.looking(false);
    std::vector<uint32_t> ids;
    std::vector<Features> encoded;
    size_t                pictures = 0;
    for (auto & [id, images, features] : batch->parts) {
        pictures += images.size();
        const auto found = tasks_.find(id);
        if (found == tasks_.end()) continue;
        Task & task = found->second;
        auto   back = images.begin();
        for (size_t i = 0; i < task.features.size(); ++i) {
            if (!task.features[i]) task.request.images[i] = std::move(*back++);
        }
        ids.push_back(id);
        encoded.insert(encoded.end(), features.begin(), features.end());
    }
    bool       first = true;
    const auto work  = [&](const std::vector<Task *> & tasks) {
        if (!std::exchange(first, false)) return see(tasks);
        if (batch->failure) std::rethrow_exception(batch->failure);
        vision_times_.add(double(pictures), batch->milliseconds);
        auto next = encoded.cbegin();
        for (Task * task : tasks) keep(*task, next, batch->milliseconds);
    };
    together(ids, work, [this](Task & task) { seen(task); });
}

void Runner::seen(Task & task) {
    const auto finite = [](const Features & image) { return image->finite; };
    check_numbers(std::all_of(task.features.begin(), task.features.end(), finite), "the image features");
    if (task.request.kind == Request::ENCODE) return answer(Encoded{task.request.id, task.feature_values(), task.timings});
    scheduler_.seen(task.request.id);
}

// ---- prefixes -> running sequences

void Runner::start() {
    const Scheduler::Start next = scheduler_.next_to_start();
    if (next.ids.empty()) return;
    if (next.kind == Scheduler::Kind::BEAMS) {
        compute(next.ids, [&] { begin_search(tasks_.at(next.ids[0])); });
    } else {
        together(next.ids, [this, &next](const auto & tasks) { prefill(tasks, next.tokens); }, [this](Task & task) { place(task); });
    }
}

// As if all had so many tokens: what follows a shorter prefix is of no use to anybody and forgotten.
void Runner::prefill(const std::vector<Task *> & tasks, size_t tokens) {
    const auto started = Clock::now();
    Batch batch(model_.width(), tasks.size() * (tokens - std::min(tokens, tasks[0]->prefix.image_tokens)));
    for (Task * task : tasks) {
        const int sequence = scheduler_.slot_of(task->request.id).value();
        task->row = add_prefix(batch, context_.get(), sequence, model_, task->prefix, task->features, task->output());
        task->choose(batch);
        for (size_t i = task->prefix.ids.size(); i < tokens; ++i) batch.add(llama_pos(i), sequence, Output::NONE);
    }
    check_decoded(batch.decode(context_.get()), "computing the prefix");
    for (Task * task : tasks) {
        const llama_pos end = llama_pos(task->prefix.ids.size());
        if (size_t(end) < tokens) llama_memory_seq_rm(llama_get_memory(context_.get()), scheduler_.slot_of(task->request.id).value(), end, -1);
    }
    prefix_times_.add(double(tasks.size()), milliseconds_since(started));
    if (beside_) scheduler_.costs({vision_times_.fixed(), prefix_times_.fixed(), step_times_.mean()});
    for (Task * task : tasks) task->timings.prefill = milliseconds_since(started);
}

// Lets a computed prefix run, beginning with its first token.
void Runner::place(Task & task) {
    if (task.request.kind == Request::TRACE) return trace(task);
    task.features.clear();
    task.decode_start = Clock::now();
    scheduler_.placed(task.request.id);
    accept(task);
}

void Runner::trace(Task & task) {
    const float * logits = llama_get_logits_ith(context_.get(), task.row);
    check_numbers(all_finite(logits, size_t(model_.vocabulary())), "the logits");
    Traced traced{task.request.id, std::move(task.prefix.ids), {}, task.feature_values(), {logits, logits + model_.vocabulary()}};
    for (const Pixels & pixels : task.request.images) {
        const auto planes = normalise(pixels);
        traced.pixels.insert(traced.pixels.end(), planes.begin(), planes.end());
    }
    answer(std::move(traced));
}

} // namespace paligemma
