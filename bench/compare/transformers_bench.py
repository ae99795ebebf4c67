"""Times transformers on a checkpoint, one picture at a time and in batches, for run.mjs.

usage: python transformers_bench.py CHECKPOINT REQUEST.json      (torch, transformers)
REQUEST.json: {"input_ids": [...], "image_size": 224, "new_tokens": 20, "runs": 3, "threads": 2, "dtype": "float32", "device": "cpu",
               "batches": [8], "static": false}    static: also with a static cache, which transformers compiles on a card
Prints {"vision", "first_token", "token", "total" (milliseconds, medians), "resident" (bytes), "throughput": [{"batch", "static",
"images_per_second"}]} as JSON.
"""
import json, resource, statistics, sys, time

import torch
from transformers import PaliGemmaForConditionalGeneration


def main():
    checkpoint, request = sys.argv[1], json.load(open(sys.argv[2]))
    torch.set_num_threads(request["threads"])
    device, dtype = request["device"], getattr(torch, request["dtype"])
    model = PaliGemmaForConditionalGeneration.from_pretrained(checkpoint, dtype=dtype).to(device).eval()
    size, tokens = request["image_size"], request["new_tokens"]
    ids = torch.tensor([request["input_ids"]], device=device)
    fixed = dict(input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=torch.zeros_like(ids))

    def timed(work):
        if device != "cpu":
            torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        return (time.perf_counter() - started) * 1000

    def answer(count):
        pixels = torch.rand(1, 3, size, size, device=device, dtype=dtype) * 2 - 1
        return timed(lambda: model.generate(**fixed, pixel_values=pixels, max_new_tokens=count, min_new_tokens=count, do_sample=False))

    def batch(count, static):
        rows = {name: value.expand(count, -1) for name, value in fixed.items()}
        pixels = torch.rand(count, 3, size, size, device=device, dtype=dtype) * 2 - 1
        options = dict(cache_implementation="static") if static else {}
        return timed(lambda: model.generate(**rows, pixel_values=pixels, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, **options))

    def see():
        pixels = torch.rand(1, 3, size, size, device=device, dtype=dtype) * 2 - 1
        return timed(lambda: model.get_image_features(pixels))

    with torch.inference_mode():
        answer(2)  # warm up
        runs = range(request["runs"])
        vision, first, total = ([work() for _ in runs] for work in (see, lambda: answer(1), lambda: answer(tokens)))
        throughput = []
        for static in [False, True] if request.get("static") else [False]:
            for count in request.get("batches", []):
                batch(count, static)  # warm up, compile
                took = statistics.median(batch(count, static) for _ in runs)
                throughput.append({"batch": count, "static": static, "images_per_second": count / took * 1000})
    vision, first, total = map(statistics.median, (vision, first, total))
    print(json.dumps({"vision": vision, "first_token": first, "token": (total - first) / (tokens - 1), "total": total,
                      "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                      "throughput": throughput}))


if __name__ == "__main__":
    main()
