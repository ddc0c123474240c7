import type { Tandem } from "./index.js";

/**
 * Reports forms with `data-tandem`, on the form or on an element around it, also forms that are added later.
 * `auto.js` calls it by itself. A page that connects in code calls it once; a second call does nothing.
 * `data-tandem-after` of a form names the event that says that the page's own script has sent it.
 */
export declare function watchForms(connection: Tandem | Promise<Tandem>): void;
