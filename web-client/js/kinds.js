// Numbers that the engine and the files around it share.

export const [LEAD, EVENT, CUSTOM_EVENT, PURCHASE, CONFIRMATION] = [0, 1, 2, 3, 4];
export const [FIRED, BLOCKED, FAILED] = [1, 2, 3];
