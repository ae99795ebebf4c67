import { pictures } from '../state/pictures';
import { useStore } from '../state/store';
import { Announcer } from './announcer';
import { AnswerView } from './answer';
import { Banner } from './banner';
import { DropArea } from './drop-area';
import { Footer } from './footer';
import { Header } from './header';
import { KeyDialog } from './key-dialog';
import { PictureList } from './picture-list';
import { Stage } from './stage';
import { TaskForm } from './task-form';
import { Welcome } from './welcome';

export function App() {
  const empty = useStore(pictures).length === 0;
  return (
    <DropArea>
      <Header />
      <Banner />
      <main class={empty ? 'empty' : ''}>
        <section class="pictures" aria-label="Picture">
          {empty ? <Welcome /> : <Stage />}
        </section>
        <div class="panel">
          <TaskForm />
          <AnswerView />
        </div>
        <PictureList />
      </main>
      <Footer />
      <KeyDialog />
      <Announcer />
    </DropArea>
  );
}
