// The first half of a turn: waiting requests become features and prefixes, and these become sequences.
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
    together(scheduler_.next_to_see(), [this](const auto & tasks) { see(tasks); }, [this](Task & task) { seen(task); });
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

// Fills in the features of all pictures. What is not remembered is encoded together.
void Runner::see(const std::vector<Task *> & tasks) {
    const auto started = Clock::now();
    std::vector<Features>       found;
    std::vector<const Pixels *> unknown;
    for (Task * task : tasks) {
        task->remembered_images = 0;
        for (const Pixels & pixels : task->request.images) {
            found.push_back(remembered_.find(pixels));
            task->remembered_images += found.back() != nullptr;
            if (!found.back()) unknown.push_back(&pixels);
        }
    }
    const std::vector<float> encoded = vision_.encode(unknown);
    const size_t each = size_t(vision_.tokens()) * size_t(vision_.width());
    size_t image = 0, next = 0;
    for (Task * task : tasks) {
        task->features.clear();
        task->features.reserve(task->request.images.size() * each);
        for (const Pixels & pixels : task->request.images) {
            Features & features = found[image++];
            if (!features) {
                const float * from = encoded.data() + next++ * each;
                features = std::make_shared<const std::vector<float>>(from, from + each);
                if (all_finite(*features)) remembered_.add(pixels, features);
            }
            task->features.insert(task->features.end(), features->begin(), features->end());
        }
        task->timings.vision = task->request.images.size() > task->remembered_images ? milliseconds_since(started) : 0;
    }
}

void Runner::seen(Task & task) {
    check_numbers(all_finite(task.features), "the image features");
    if (task.request.kind == Request::ENCODE) return answer(Encoded{task.request.id, std::move(task.features), task.timings});
    scheduler_.seen(task.request.id);
}

// ---- prefixes -> running sequences

void Runner::start() {
    const Scheduler::Start next = scheduler_.next_to_start();
    if (next.ids.empty()) return;
    if (next.kind == Scheduler::Kind::BEAMS) {
        compute(next.ids, [&] { begin_search(tasks_.at(next.ids[0])); });
    } else {
        together(next.ids, [this](const auto & tasks) { prefill(tasks); }, [this](Task & task) { place(task); });
    }
}

void Runner::prefill(const std::vector<Task *> & tasks) {
    const auto started = Clock::now();
    const size_t length = tasks[0]->prefix.ids.size();
    std::vector<float>  rows;
    std::vector<int>    sequences;
    std::vector<Output> outputs;
    for (Task * task : tasks) {
        const auto embedded = embed(model_, task->prefix, task->features);
        rows.insert(rows.end(), embedded.begin(), embedded.end());
        sequences.push_back(scheduler_.slot_of(task->request.id).value());
        outputs.push_back(task->output());
        task->row = int32_t(sequences.size() * length - 1);
    }
    check_decoded(decode_prefixes(context_.get(), sequences, length, rows, outputs), "computing the prefix");
    for (Task * task : tasks) task->timings.prefill = milliseconds_since(started);
}

// Lets a computed prefix run, beginning with its first token.
void Runner::place(Task & task) {
    if (task.request.kind == Request::TRACE) return trace(task);
    task.features     = std::vector<float>();
    task.decode_start = Clock::now();
    scheduler_.placed(task.request.id);
    accept(task);
}

void Runner::trace(Task & task) {
    const float * logits = llama_get_logits_ith(context_.get(), task.row);
    check_numbers(all_finite(logits, size_t(model_.vocabulary())), "the logits");
    Traced traced{task.request.id, std::move(task.prefix.ids), {}, std::move(task.features), {logits, logits + model_.vocabulary()}};
    for (const Pixels & pixels : task.request.images) {
        const auto planes = normalise(pixels);
        traced.pixels.insert(traced.pixels.end(), planes.begin(), planes.end());
    }
    answer(std::move(traced));
}

} // namespace paligemma
