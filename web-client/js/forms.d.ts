import type { Tandem } from "./index.js";

/**
 * Reports forms with `data-tandem`, also forms that are added later. `auto.js` calls it by itself. A page
 * that connects in code calls it once.
 */
export declare function watchForms(connection: Tandem | Promise<Tandem>): void;
