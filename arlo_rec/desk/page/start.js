// Where the page begins. It imports the player, and the review only for a copy under review; no module imports it.

import { begin, finish } from "./listen.js";

const review = () => import("./review.js").then((added) => added.begin());
begin(review).catch(() => finish("lost"));
