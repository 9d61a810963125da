package models

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSizesInGB(t *testing.T) {
	for text, want := range map[string]int64{
		"1": GB, "0.1": GB / 10, "20.5": 20_500_000_000, "0": 0, "007.250": 7_250_000_000, "1000000": maxGB * GB, "1000000.000": maxGB * GB,
		"": -1, ".5": -1, "1.": -1, "1.0001": -1, "-1": -1, "+1": -1, "1,5": -1, "1e3": -1, "0x1": -1, "1000000.001": -1, "1000001": -1,
		"99999999999999999999": -1, "1 000": -1, "１": -1, "1_0": -1, "1.+1": -1, "1.-1": -1, "NaN": -1,
	} {
		got, ok := ParseGB(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("ParseGB(%q) = %d, want %d", text, got, want)
		}
	}
}

// However the input is cut, lines come out as strings.Split would give them, long ones as such.
func TestLinesAreReadBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.OneOf(rapid.StringMatching(`[a-z]{0,9}`), rapid.Just(strings.Repeat("x", 20)), rapid.Just(strings.Repeat("y", 100)))).Draw(t, "lines")
		in := bufio.NewReaderSize(strings.NewReader(strings.Join(lines, "\n")), 16)
		for i, want := range lines {
			text, whole, err := readLine(in)
			if i == len(lines)-1 && want == "" {
				if !errors.Is(err, io.EOF) {
					t.Fatalf("at the end: %q, %v", text, err)
				}
				return
			}
			if err != nil || whole != (len(want) < 16) || whole && string(text) != want {
				t.Fatalf("line %d: %q, %v, %v; want %q", i, text, whole, err, want)
			}
		}
		if _, _, err := readLine(in); !errors.Is(err, io.EOF) {
			t.Fatal("after the end:", err)
		}
	})
}
