#include "base/backends.h"

#include <algorithm>
#include <cctype>
#include <mutex>
#include <set>
#include <stdexcept>

#include "base/log.h"

namespace paligemma {
namespace {

// Environments of several threads load the addon; ggml's list of backends is the process'.
std::mutex loading;

ggml_backend_reg_t cpu_registry() {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (!device) throw std::runtime_error("no library for this processor lies beside the addon");
    return ggml_backend_dev_backend_reg(device);
}

template <typename Function> void look_up(ggml_backend_reg_t registry, const char * name, Function & function) {
    function = reinterpret_cast<Function>(ggml_backend_reg_get_proc_address(registry, name));
    if (!function) throw std::runtime_error(std::string("the library for this processor is another version's: it has no ") + name);
}

CpuBackend look_up_cpu() {
    ggml_backend_reg_t registry = cpu_registry();
    CpuBackend cpu{};
    look_up(registry, "ggml_threadpool_new", cpu.threadpool_new);
    look_up(registry, "ggml_threadpool_free", cpu.threadpool_free);
    look_up(registry, "ggml_backend_cpu_set_threadpool", cpu.set_threadpool);
    look_up(registry, "ggml_backend_set_n_threads", cpu.set_n_threads);
    look_up(registry, "ggml_backend_set_abort_callback", cpu.set_abort_callback);
    look_up(registry, "ggml_cpu_fp32_to_fp16", cpu.fp32_to_fp16);
    look_up(registry, "ggml_cpu_fp16_to_fp32", cpu.fp16_to_fp32);
    look_up(registry, "ggml_cpu_bf16_to_fp32", cpu.bf16_to_fp32);
    look_up(registry, "paligemma_measure_peaks", cpu.measure_peaks);
    return cpu;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    return text;
}

// ggml's name of a family of devices in the words of `device: '...'`.
std::string backend_name(ggml_backend_dev_t device) {
    const std::string name = lower(ggml_backend_reg_name(ggml_backend_dev_backend_reg(device)));
    return name == "mtl" ? "metal" : name;
}

} // namespace

void load_backends(const std::vector<std::string> & folders) {
    static std::set<std::string> loaded;
    const std::lock_guard<std::mutex> lock(loading);
    for (const auto & folder : folders) {
        if (loaded.insert(folder).second) ggml_backend_load_all_from_path(folder.c_str());
    }
    cpu_backend();
}

std::string why_not_loaded(const std::string & backend, const std::string & library) {
    const std::lock_guard<std::mutex> lock(loading);
    for (size_t i = 0; i < ggml_backend_reg_count(); ++i) {
        if (lower(ggml_backend_reg_name(ggml_backend_reg_get(i))) == backend) return "";
    }
    LogCapture log;
    if (ggml_backend_load(library.c_str())) return "";
    const std::string text = log.text(), prefix = "failed to load " + library + ": "; // what the system's loader says comes after it
    const size_t at = text.find(prefix);
    return at == std::string::npos ? text : text.substr(at + prefix.size());
}

const CpuBackend & cpu_backend() {
    static const CpuBackend cpu = look_up_cpu();
    return cpu;
}

std::string cpu_features() {
    ggml_backend_get_features_t features = nullptr;
    look_up(cpu_registry(), "ggml_backend_get_features", features);
    std::string names;
    for (const ggml_backend_feature * feature = features(cpu_registry()); feature->name; ++feature) {
        if (std::string(feature->value) == "1") names += (names.empty() ? "" : ", ") + std::string(feature->name);
    }
    return names;
}

std::vector<Device> devices() {
    std::vector<Device> found;
    for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);
        const auto type = ggml_backend_dev_type(device);
        if (type != GGML_BACKEND_DEVICE_TYPE_CPU && type != GGML_BACKEND_DEVICE_TYPE_GPU && type != GGML_BACKEND_DEVICE_TYPE_IGPU) continue;
        Device entry{backend_name(device), ggml_backend_dev_name(device), ggml_backend_dev_description(device), 0, 0, 0, device};
        entry.index = int(std::count_if(found.begin(), found.end(), [&](const Device & other) { return other.backend == entry.backend; }));
        size_t free = 0, total = 0;
        ggml_backend_dev_memory(device, &free, &total);
        entry.free_bytes  = free;
        entry.total_bytes = total;
        found.push_back(std::move(entry));
    }
    return found;
}

ggml_backend_dev_t find_card(const std::string & name) {
    if (name.empty()) return nullptr;
    ggml_backend_dev_t card = ggml_backend_dev_by_name(name.c_str());
    if (!card) throw std::runtime_error("there is no device " + name);
    return card;
}

} // namespace paligemma
