#include "engine/mailbox.h"

#include <algorithm>

namespace paligemma {

void Mailbox::post(Request request) {
    const std::lock_guard<std::mutex> lock(mutex_);
    letters_.push_back({std::move(request), Clock::now()});
    wake_.notify_one();
}

void Mailbox::abort(uint32_t id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    aborted_.insert(id);
    if (nobody_waits()) interrupt_ = true;
    wake_.notify_one();
}

void Mailbox::stop() {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = interrupt_ = true;
    wake_.notify_one();
}

void Mailbox::wake() {
    const std::lock_guard<std::mutex> lock(mutex_);
    woken_ = true;
    wake_.notify_one();
}

bool Mailbox::wait(bool has_work) {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [&] { return stopping_ || has_work || woken_ || !letters_.empty() || !aborted_.empty(); });
    woken_ = false;
    return !stopping_;
}

Mailbox::Mail Mailbox::collect() {
    const std::lock_guard<std::mutex> lock(mutex_);
    Mail mail;
    mail.aborted.assign(aborted_.begin(), aborted_.end()); // may throw, and then nothing is lost
    mail.letters.swap(letters_);
    aborted_.clear();
    return mail;
}

std::vector<Mailbox::Letter> Mailbox::collect_requests() {
    std::vector<Letter> letters;
    const std::lock_guard<std::mutex> lock(mutex_);
    letters.swap(letters_);
    return letters;
}

void Mailbox::begin(std::vector<uint32_t> ids) {
    const std::lock_guard<std::mutex> lock(mutex_);
    computing_ = std::move(ids);
    interrupt_ = stopping_ || nobody_waits();
}

void Mailbox::end() {
    const std::lock_guard<std::mutex> lock(mutex_);
    computing_.clear();
    interrupt_ = stopping_.load();
}

// Under the mutex.
bool Mailbox::nobody_waits() const {
    return !computing_.empty() && std::all_of(computing_.begin(), computing_.end(), [this](uint32_t id) { return aborted_.count(id) > 0; });
}

} // namespace paligemma
