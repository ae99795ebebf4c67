import type { Model } from '../server/types';
import { bytes, millions } from './units';

export function ModelFacts({ model: { id, paligemma } }: { model: Model }) {
  const { embedded, info } = paligemma;
  return (
    <section>
      <h3>{id}</h3>
      {embedded && (
        <p>
          It comes with the package. It is small (5 M parameters) and knows drawn emoji scenes only: it describes them
          in English, Spanish, French, German and Chinese, counts and finds what is in them, outlines it and reads
          numbers on signs. It knows nothing about photographs.
        </p>
      )}
      {info && (
        <dl class="facts" data-testid="model-facts">
          <Fact name="Runs on" value={info.devices.join(', ')} />
          <Fact name="Type" value={`${info.quantization}, vision ${info.visionQuantization}`} />
          <Fact name="Parameters" value={millions(info.parameters)} />
          <Fact name="Sees" value={`${info.imageSize} × ${info.imageSize} pixels, as ${info.imageTokens} tokens`} />
          <Fact name="Memory" value={bytes(info.memory.weights + info.memory.cache + (info.memory.compute ?? 0))} />
          <Fact name="At once" value={`${info.maxSequences} questions`} />
          <Fact name="Masks" value={info.maskDecoder ? 'yes' : 'no, boxes only'} />
          <Fact name="Licence" value={info.licence} />
        </dl>
      )}
    </section>
  );
}

const Fact = ({ name, value }: { name: string; value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);
