/** Importing this file connects Tandem by the script tag's data attributes or the loader's options. It exports nothing. */
export {};
