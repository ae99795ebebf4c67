// llama.cpp reports failures by logging. Warnings and errors of the current thread are kept while a LogCapture lives;
// everything else is dropped, so that nothing prints into the terminal of an application.
#pragma once

#include <string>

namespace paligemma {

class LogCapture {
public:
    LogCapture();
    ~LogCapture();
    LogCapture(const LogCapture &) = delete;
    LogCapture & operator=(const LogCapture &) = delete;

    // What was logged since construction: the last error's lines, trimmed and joined.
    std::string text() const;

private:
    std::string   lines_;
    std::string * outer_;
};

// Routes the log of ggml, llama and mtmd to the captures. Process-wide, set once.
void install_log();

} // namespace paligemma
