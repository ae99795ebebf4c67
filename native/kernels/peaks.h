/** What the processor can do at most, measured with the instructions that the kernels use. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/** Operations a second, additions and multiplications counted each; 0 where the kernels have no such products. */
struct paligemma_peaks {
    double float32;   /** products of float32 */
    double bytes;     /** of whole numbers of eight bits */
    double tiles;     /** of bfloat16 by the tile unit */
    double reading;   /** bytes a second, from memory */
};

/** Takes about a second. Should be run on a machine with nothing else to do, as the engine's threads would be. */
void paligemma_measure_peaks(int threads, struct paligemma_peaks * peaks);

#ifdef __cplusplus
}
#endif
