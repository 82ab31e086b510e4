/** Where the rows of a long list are, by heights that are measured or guessed. */
export class Heights {
  readonly #heights: Float64Array;
  /** Where each row begins; right up to and with `#known`. */
  readonly #tops: Float64Array;
  #known = 0;

  constructor(length: number, heightOf: (index: number) => number) {
    this.#heights = new Float64Array(length);
    this.#tops = new Float64Array(length + 1);
    for (let index = 0; index < length; index += 1) {
      this.#heights[index] = heightOf(index);
    }
  }

  get length(): number {
    return this.#heights.length;
  }

  get total(): number {
    return this.top(this.length);
  }

  /** Returns whether that is news. */
  set(index: number, height: number): boolean {
    if (Math.abs((this.#heights[index] ?? 0) - height) < 0.1) {
      return false;
    }
    this.#heights[index] = height;
    this.#known = Math.min(this.#known, index);
    return true;
  }

  /** Where a row begins, or for `length` where the last one ends. */
  top(index: number): number {
    const wanted = Math.max(0, Math.min(index, this.length));
    for (; this.#known < wanted; this.#known += 1) {
      const here = this.#known;
      this.#tops[here + 1] = (this.#tops[here] ?? 0) + (this.#heights[here] ?? 0);
    }
    return this.#tops[wanted] ?? 0;
  }

  /** The row at an offset: the last one that begins at or before it. */
  at(offset: number): number {
    this.top(this.length);
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#tops[middle] ?? 0) <= offset) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return Math.max(0, low);
  }

  /** The rows from `first` to before `end` that are between two offsets, also in part. */
  between(from: number, to: number): { first: number; end: number } {
    if (this.length === 0) {
      return { first: 0, end: 0 };
    }
    return { first: this.at(from), end: this.at(Math.max(from, to)) + 1 };
  }
}
