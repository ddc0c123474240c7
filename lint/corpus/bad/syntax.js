const price = 5;
const price = = 6;
