import type { Tandem } from "./index.js";

/**
 * Reports forms with `data-tandem`, also those that are added later. `auto.js` does it by itself;
 * a page that connects in code calls this.
 */
export declare function watchForms(connection: Tandem | Promise<Tandem>): void;
