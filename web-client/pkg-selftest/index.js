import init from "./tandem_web.js";
await init();
export { normalise, hash } from "./tandem_web.js";
