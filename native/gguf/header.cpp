#include "gguf/header.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <unordered_set>

#include "base/file.h"

namespace paligemma {
namespace {

// More than any model has, and little enough that ggml, which compares every name with every other and reads arrays value by
// value, is done with it in a second.
constexpr uint64_t MOST_BYTES   = 128 << 20;
constexpr uint64_t MOST_KEYS    = 4096;
constexpr uint64_t MOST_TENSORS = 16384;
constexpr int64_t  MOST_VALUES  = int64_t(1) << 48; // of a tensor

// What the processor's library wants of weights that it uses where they lie in the file (TENSOR_ALIGNMENT of ggml-impl.h).
constexpr uint64_t LEAST_ALIGNMENT = 32;
constexpr uint64_t MOST_ALIGNMENT  = 1 << 20;

[[noreturn]] void fail(const std::string & reason) {
    throw std::runtime_error(reason);
}

std::string quoted(const std::string & name) {
    return '"' + name.substr(0, 64) + '"';
}

// Goes through a file from its start, in large pieces.
class Reader {
public:
    explicit Reader(const std::string & path) : file_(path, "rb"), size_(file_.size()) {}

    uint64_t size() const { return size_; }
    uint64_t position() const { return position_; }
    // Bytes that the header can still have.
    uint64_t left() const { return std::min(size_, MOST_BYTES) - position_; }

    template <typename T> T number() {
        T value;
        take(&value, sizeof(T));
        return value;
    }

    std::string text() {
        const auto length = number<uint64_t>();
        check(length);
        std::string text(length, '\0');
        take(text.data(), length);
        return text;
    }

    void skip(uint64_t count) {
        check(count);
        position_ += count;
    }

    // Whether so many bytes follow; throws when not.
    void check(uint64_t count) const {
        if (count <= left()) return;
        if (size_ > MOST_BYTES) fail("its header is longer than " + std::to_string(MOST_BYTES >> 20) + " MB");
        fail("it ends at byte " + std::to_string(size_) + ", within its header");
    }

private:
    void take(void * to, uint64_t count) {
        check(count);
        for (auto * out = static_cast<uint8_t *>(to); count > 0;) {
            if (position_ < start_ || position_ >= start_ + piece_.size()) fill();
            const uint64_t within = position_ - start_;
            const uint64_t part   = std::min<uint64_t>(count, piece_.size() - within);
            std::memcpy(out, piece_.data() + within, part);
            out += part, count -= part, position_ += part;
        }
    }

    void fill() {
        start_ = position_;
        piece_.resize(std::min<uint64_t>(1 << 18, size_ - start_));
        if (!file_.read(start_, piece_.data(), piece_.size())) fail("it has become shorter while it was read");
    }

    File                 file_;
    const uint64_t       size_;
    uint64_t             position_ = 0;
    uint64_t             start_    = 0; // of the piece, in the file
    std::vector<uint8_t> piece_;
};

double read_number(Reader & in, gguf_type type) {
    switch (type) {
        case GGUF_TYPE_UINT8:   return in.number<uint8_t>();
        case GGUF_TYPE_INT8:    return in.number<int8_t>();
        case GGUF_TYPE_UINT16:  return in.number<uint16_t>();
        case GGUF_TYPE_INT16:   return in.number<int16_t>();
        case GGUF_TYPE_UINT32:  return in.number<uint32_t>();
        case GGUF_TYPE_INT32:   return in.number<int32_t>();
        case GGUF_TYPE_UINT64:  return double(in.number<uint64_t>());
        case GGUF_TYPE_INT64:   return double(in.number<int64_t>());
        case GGUF_TYPE_FLOAT32: return in.number<float>();
        case GGUF_TYPE_FLOAT64: return in.number<double>();
        default:                return in.number<int8_t>() != 0; // a truth value
    }
}

uint64_t number_size(gguf_type type) {
    switch (type) {
        case GGUF_TYPE_UINT16:
        case GGUF_TYPE_INT16:   return 2;
        case GGUF_TYPE_UINT32:
        case GGUF_TYPE_INT32:
        case GGUF_TYPE_FLOAT32: return 4;
        case GGUF_TYPE_UINT64:
        case GGUF_TYPE_INT64:
        case GGUF_TYPE_FLOAT64: return 8;
        default:                return 1;
    }
}

gguf_type read_type(Reader & in, const std::string & key) {
    const auto type = in.number<int32_t>();
    if (type < 0 || type >= GGUF_TYPE_COUNT) fail("key " + quoted(key) + " is of no type: " + std::to_string(type));
    return gguf_type(type);
}

void read_array(Reader & in, const std::string & key, GgufValue & value) {
    value.of = read_type(in, key);
    if (value.of == GGUF_TYPE_ARRAY) fail("key " + quoted(key) + " is an array of arrays");
    value.length = in.number<uint64_t>();
    value.offset = in.position();
    const uint64_t least = value.of == GGUF_TYPE_STRING ? sizeof(uint64_t) : number_size(value.of);
    if (value.length > in.left() / least) fail("array " + quoted(key) + " of " + std::to_string(value.length) + " is longer than the header");
    if (value.of == GGUF_TYPE_STRING) {
        for (uint64_t i = 0; i < value.length; ++i) in.skip(in.number<uint64_t>());
    } else {
        in.skip(value.length * least);
    }
    value.bytes = in.position() - value.offset;
}

GgufValue read_value(Reader & in, const std::string & key) {
    GgufValue value{read_type(in, key), 0.0, {}, GGUF_TYPE_COUNT, 0, 0, 0};
    if (value.type == GGUF_TYPE_STRING) {
        value.text = in.text();
    } else if (value.type == GGUF_TYPE_ARRAY) {
        read_array(in, key, value);
    } else {
        value.number = read_number(in, value.type);
    }
    return value;
}

// ggml compares names up to the first zero byte.
void check_name(const std::string & name, const char * what, size_t most) {
    if (name.empty() || name.size() > most || name.find('\0') != std::string::npos) {
        fail(std::string("the name of a ") + what + " is none: " + quoted(name.c_str()));
    }
}

// Without its place, which follows from those before it.
GgufTensorInfo read_tensor(Reader & in) {
    GgufTensorInfo tensor{in.text(), GGML_TYPE_COUNT, {}, 0, 0};
    check_name(tensor.name, "tensor", GGML_MAX_NAME - 1);
    const std::string who = "tensor " + quoted(tensor.name);

    const auto dimensions = in.number<uint32_t>();
    if (dimensions < 1 || dimensions > GGML_MAX_DIMS) fail(who + " has " + std::to_string(dimensions) + " dimensions");
    int64_t values = 1;
    for (uint32_t d = 0; d < dimensions; ++d) {
        const auto size = in.number<int64_t>();
        if (size < 1 || size > MOST_VALUES / values) fail(who + " has a dimension of " + std::to_string(size));
        values *= size;
        tensor.shape.push_back(size);
    }

    const auto type = in.number<int32_t>();
    // Types that ggml has given up keep their number, and have blocks of nothing.
    if (type < 0 || type >= GGML_TYPE_COUNT || ggml_blck_size(ggml_type(type)) == 0) fail(who + " is of no type: " + std::to_string(type));
    tensor.type = ggml_type(type);
    const int64_t block = ggml_blck_size(tensor.type);
    if (tensor.shape[0] % block != 0) {
        fail(who + " has rows of " + std::to_string(tensor.shape[0]) + " values, which is no number of " + ggml_type_name(tensor.type) + " blocks");
    }
    tensor.size   = uint64_t(values / block) * ggml_type_size(tensor.type);
    tensor.offset = in.number<uint64_t>();
    return tensor;
}

uint64_t alignment_of(const GgufHeader & header) {
    const GgufValue * value = header.find("general.alignment");
    if (!value) return GGUF_DEFAULT_ALIGNMENT;
    const auto alignment = uint64_t(value->number);
    if (value->type != GGUF_TYPE_UINT32 || alignment < LEAST_ALIGNMENT || alignment > MOST_ALIGNMENT || (alignment & (alignment - 1)) != 0) {
        fail("general.alignment is none: a power of two from " + std::to_string(LEAST_ALIGNMENT) + " to " + std::to_string(MOST_ALIGNMENT) + " is");
    }
    return alignment;
}

// Offsets are counted from the end of the header, and leave no gap but what aligns.
void place_tensors(GgufHeader & header, uint64_t header_end) {
    const uint64_t alignment = alignment_of(header);
    const uint64_t data = GGML_PAD(header_end, alignment);
    uint64_t next = 0;
    for (GgufTensorInfo & tensor : header.tensors) {
        const std::string who = "tensor " + quoted(tensor.name);
        if (tensor.offset != next) fail(who + " lies at " + std::to_string(tensor.offset) + " of the data, not at " + std::to_string(next));
        tensor.offset += data;
        if (tensor.offset > header.file_size || tensor.size > header.file_size - tensor.offset) {
            fail("it is cut off: " + who + " ends at byte " + std::to_string(tensor.offset + tensor.size) + " of " + std::to_string(header.file_size));
        }
        next += GGML_PAD(tensor.size, alignment);
    }
}

uint64_t read_count(Reader & in, const char * what, uint64_t most) {
    const auto count = in.number<uint64_t>();
    if (count > most) fail("it says that it has " + std::to_string(count) + " " + what);
    return count;
}

} // namespace

const GgufValue * GgufHeader::find(const std::string & key) const {
    const auto found = values.find(key);
    return found == values.end() ? nullptr : &found->second;
}

GgufHeader read_gguf_header(const std::string & path) {
    Reader in(path);
    GgufHeader header{path, in.size(), {}, {}};
    if (in.number<uint32_t>() != 0x46554747) fail("it does not begin with GGUF"); // the letters, little-endian
    const auto version = in.number<uint32_t>();
    if (version != 2 && version != GGUF_VERSION) fail("it is of version " + std::to_string(version) + ", not 2 or 3");
    const uint64_t tensors = read_count(in, "tensors", MOST_TENSORS);
    const uint64_t keys    = read_count(in, "keys", MOST_KEYS);

    for (uint64_t i = 0; i < keys; ++i) {
        const std::string key = in.text();
        check_name(key, "key", UINT16_MAX);
        if (!header.values.emplace(key, read_value(in, key)).second) fail("key " + quoted(key) + " stands in it twice");
    }
    std::unordered_set<std::string> names;
    for (uint64_t i = 0; i < tensors; ++i) {
        header.tensors.push_back(read_tensor(in));
        if (!names.insert(header.tensors.back().name).second) fail("tensor " + quoted(header.tensors.back().name) + " stands in it twice");
    }
    place_tensors(header, in.position());
    return header;
}

std::vector<std::string> read_texts(const GgufHeader & header, const GgufValue & array) {
    const auto bytes = read_bytes(header.path, array.offset, array.bytes);
    std::vector<std::string> texts;
    texts.reserve(array.length);
    uint64_t at = 0;
    while (texts.size() < array.length) {
        uint64_t length = 0;
        if (bytes.size() - at < sizeof(length)) fail("it has changed while it was read");
        std::memcpy(&length, &bytes[at], sizeof(length));
        at += sizeof(length);
        if (length > bytes.size() - at) fail("it has changed while it was read");
        texts.emplace_back(reinterpret_cast<const char *>(bytes.data()) + at, length);
        at += length;
    }
    return texts;
}

std::vector<uint8_t> read_bytes(const std::string & path, uint64_t offset, uint64_t size) {
    std::vector<uint8_t> bytes(size);
    if (!File(path, "rb").read(offset, bytes.data(), size)) throw std::runtime_error(path + ": ends too early");
    return bytes;
}

} // namespace paligemma
