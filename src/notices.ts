// What rooms hear unasked, once: hello, that the bot cannot read there, that the room has become public.
import { cannotRead, hello, madePublic } from './greeting.ts';
import { announcement } from './inbox.ts';
import type { Saying, Store } from './ports.ts';

type Announcing = { store: Pick<Store, 'untold' | 'tell'>; now: () => Date; name: string; said: () => void };

export async function announce({ store, now, name, said }: Announcing): Promise<undefined> {
	for (const untold of await store.untold()) {
		const { room } = untold;
		const sayings: Saying[] = [];
		if (untold.encrypted) sayings.push(announcement('encrypted', room, cannotRead(name)));
		else if (untold.greeting) sayings.push(announcement('hello', room, hello(name)));
		if (untold.public) sayings.push(announcement('public', room, madePublic()));
		await store.tell(room, sayings, now());
		said();
	}
}
