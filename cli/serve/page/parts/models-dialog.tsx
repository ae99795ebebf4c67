import { form } from '../state/form';
import { config, downloads, modelOf, models } from '../state/session';
import { useStore } from '../state/store';
import { Dialog } from './dialog';
import { DownloadList } from './download-list';
import { GetModel } from './get-model';
import { ModelFacts } from './model-facts';

/** What is loaded, and how to get more. */
export function ModelsDialog({ close }: { close: () => void }) {
  useStore(models);
  const model = modelOf(useStore(form).model);
  const settings = useStore(config);
  return (
    <Dialog title="Models" close={close}>
      {model && <ModelFacts model={model} />}
      {useStore(downloads).length > 0 && <DownloadList />}
      <GetModel downloads={settings?.downloads ?? false} hubToken={settings?.hubToken ?? false} />
    </Dialog>
  );
}
