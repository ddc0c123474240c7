// Kinds of calls and outcomes of the pixel, by the numbers that the engine uses.

export const [LEAD, EVENT, CUSTOM_EVENT, PURCHASE, CONFIRMATION] = [0, 1, 2, 3, 4];
export const [FIRED, BLOCKED, FAILED] = [1, 2, 3];
