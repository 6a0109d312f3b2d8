// The entry: keeps what the modules compile to, so that a start need not strip types and compile again.
// JavaScript, because stripping the types of a single file loads the stripper that the kept ones spare.
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Where nothing can be written, nothing is kept, and the start takes a little longer.
enableCompileCache(join(import.meta.dirname, 'node_modules/.cache/glia'));
await import('./src/main.ts');
