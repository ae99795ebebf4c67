"""Composes the scenes that the emoji model's metrics.json was measured on, and writes them with their truth.

usage: python make_scenes.py TRAINING_DIR DATA_DIR OUT_DIR [--scenes 240] [--seed 77]
TRAINING_DIR: the model's training scripts (scenes.py, vocabulary.py). DATA_DIR: sprites.rgba and sprites.json, made by its
prepare_sprites.mjs from the npm packages emoji-datasource-twitter, emoji-datasource-google, fluentui-emoji and openmoji.
OUT_DIR gets PNG files and questions.json. Needs numpy, Pillow and the font DejaVu Sans Bold (fonts-dejavu-core).
"""
import argparse, json, random, sys
from pathlib import Path

import numpy as np
from PIL import Image

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
TASKS = ("caption", "answer", "detect", "segment", "ocr")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("training"); ap.add_argument("data"); ap.add_argument("out")
    ap.add_argument("--scenes", type=int, default=240); ap.add_argument("--seed", type=int, default=77)
    a = ap.parse_args()
    sys.path.insert(0, a.training)
    import scenes as S
    import vocabulary as V

    out = Path(a.out); out.mkdir(parents=True, exist_ok=True)
    maker, rng = S.SceneMaker(a.data, ("twemoji", "noto", "fluent"), FONT, a.seed), random.Random(a.seed + 1)
    questions = []
    for task in TASKS:
        for i in range(a.scenes):
            while True:
                scene = maker.make(224, 224)
                if task != "ocr" or scene.number:
                    break
            prompt, answer = S.ask(scene, rng, task, lambda _: [0] * 16)
            name = f"{task}-{i:03d}.png"
            Image.fromarray(scene.image).save(out / name)
            objects = [{"label": V.NAMES[o["class"]], "box": o["box"]} for o in scene.objects]
            if task == "segment":
                for k, o in enumerate(scene.objects):
                    y0, x0, y1, x1 = o["box"]
                    mask = np.zeros(scene.image.shape[:2], np.uint8)
                    mask[y0:y1, x0:x1] = (o["alpha"] > 127) * 255
                    Image.fromarray(mask).save(out / f"{task}-{i:03d}-mask-{k}.png")
            questions.append({"task": task, "file": name, "prompt": prompt, "answer": answer, "objects": objects})
    (out / "questions.json").write_text(json.dumps(questions, ensure_ascii=False))
    print(len(questions), "questions")


main()
