import { useEffect } from "react";
import { Link } from "react-router";

import { PRODUCT } from "./shop";
import { report } from "./tandem";

export function Bowl() {
  useEffect(() => {
    report((tandem) => tandem.track("ViewContent", {
      contentIds: [PRODUCT.id], contentType: "product", contentName: PRODUCT.name, value: PRODUCT.price,
    }));
  }, []);

  return (
    <main className="split">
      <section className="picture" aria-hidden="true">
        <svg viewBox="0 0 320 220">
          <ellipse cx="160" cy="196" rx="96" ry="9" fill="#00000014" />
          <path d="M42 74c4 74 58 118 118 118s114-44 118-118z" fill="#8a4f36" />
          <path d="M42 74c2 34 16 62 38 82 30-16 46-4 80-6s54-22 86-6c18-18 30-42 32-70z" fill="#c98a5b" />
          <ellipse cx="160" cy="74" rx="118" ry="24" fill="#5b3324" />
          <ellipse cx="160" cy="78" rx="104" ry="18" fill="#3d2219" />
        </svg>
      </section>
      <section>
        <p className="eyebrow">Stoneware, 14 cm</p>
        <h1>{PRODUCT.name}</h1>
        <p>Rice, dal, keys, a mango cut into hedgehogs. Ash glaze outside, iron inside. Goes into the oven, comes
          out unimpressed.</p>
        <p className="price">₹1,499</p>
        <p><Link className="button" id="buy" to="/checkout">Buy it</Link></p>
      </section>
    </main>
  );
}
