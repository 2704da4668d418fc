package io.restunnel.node.session;

import java.util.Arrays;
import java.util.BitSet;

/** A queue of slots, each in it at most once. By slot, not by stream, so that streams which come and go cannot make it grow. */
final class SlotQueue {
    private int[] slots = new int[16];
    private int head;
    private int size;
    private final BitSet queued = new BitSet();

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    /** Does nothing for one that is in it. */
    void add(int slot) {
        if (queued.get(slot)) return;
        queued.set(slot);
        if (size == slots.length) grow();
        slots[head + size++ & slots.length - 1] = slot;
    }

    boolean contains(int slot) {
        return queued.get(slot);
    }

    int peek() {
        return slots[head];
    }

    int poll() {
        int slot = slots[head];
        head = head + 1 & slots.length - 1;
        size--;
        queued.clear(slot);
        return slot;
    }

    private void grow() {
        int[] bigger = Arrays.copyOf(slots, 2 * slots.length);
        // The part before head goes behind the part after it.
        System.arraycopy(slots, 0, bigger, slots.length, head);
        slots = bigger;
    }
}
