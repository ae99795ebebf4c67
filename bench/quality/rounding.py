"""How far transformers' own logits move when only the weights are rounded to 16 bit and all else stays float32.

usage: python rounding.py REFERENCE_DIR      (test/fixtures/reference; transformers 5.17 or 5.18, torch, Pillow)
"""
import json, sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import AutoProcessor, PaliGemmaForConditionalGeneration


def main():
    root = Path(sys.argv[1])
    for name in ("pg1-random", "pg1-random-published-keys", "pg2-random"):
        processor = AutoProcessor.from_pretrained(root / name)
        cases = json.loads((root / name / "expected/cases.json").read_text())["cases"]
        for dtype in (torch.float16, torch.bfloat16):
            model = PaliGemmaForConditionalGeneration.from_pretrained(root / name, dtype=torch.float32, attn_implementation="eager").eval()
            with torch.no_grad():
                for key, weight in model.named_parameters():
                    if weight.ndim == 2 and "position_embedding" not in key:
                        weight.copy_(weight.to(dtype).float())
            moved = []
            for case in cases:
                images = [Image.open(root / "images" / f).convert("RGB") for f in case["images"]]
                x = processor(images=images, text="<image>" * len(images) + case["prompt"], return_tensors="pt")
                x = {k: x[k] for k in ("input_ids", "attention_mask", "token_type_ids", "pixel_values")}
                with torch.inference_mode():
                    logits = model(**x).logits[0, -1].numpy()
                expected = np.fromfile(root / name / "expected" / case["prefix_logits"]["file"], "<f4")
                moved.append(float(abs(logits - expected).max()))
            print(f"{name:28} {str(dtype):16} largest {max(moved):.4f}  median {sorted(moved)[len(moved) // 2]:.4f}")


main()
