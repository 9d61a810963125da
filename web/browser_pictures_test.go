package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"example.org/mandat/models/cast"
)

// pictures names the directory that `make pictures` fills for the README.
const pictures = "MANDAT_PICTURES"

// largestPicture is what a picture may weigh in the repository, in bytes.
const largestPicture = 150_000

// takePictures takes those of the README. They are taken at every run, so that
// none can show what the panel no longer does; they are kept only on demand.
func takePictures(t *testing.T, browser context.Context) {
	dir := os.Getenv(pictures)
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		name   string
		manner manner
		who    string
		show   func(v *visitor)
	}{
		{"emails-fr", manner{"fr", true, 1440, "light"}, cast.Alice, func(v *visitor) { v.goTo(emails) }},
		{"delegation-en-dark", manner{"en", true, 1440, "dark"}, cast.Alice, func(v *visitor) {
			v.goTo(emails)
			v.open(v.actions("compta"))
			v.follow(v.one(delegate))
			v.typeIn(v.say("grant.identifiers"), cast.Bruno+", ab-12?")
			v.press(v.one(add))
			v.see(v.say("grant.refused.shape", "Identifier", "ab-12?"))
		}},
		{"share-fr", manner{"fr", true, 1440, "light"}, cast.Alice, func(v *visitor) { v.goTo("/services/" + cast.Garrigue + "/grants") }},
		{"delegate-fr", manner{"fr", true, 1440, "light"}, cast.Chloe, func(v *visitor) { v.goTo(emails) }},
		{"phone-emails-fr", manner{"fr", true, 390, "light"}, cast.Alice, func(v *visitor) { v.goTo(emails) }},
		{"phone-delegation-fr", manner{"fr", true, 390, "light"}, cast.Alice, func(v *visitor) {
			v.goTo(emails)
			v.open(v.actions("contact"))
			v.follow(v.one(delegate))
		}},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			v := visit(t, browser, demoPanel(t), p.manner)
			v.signIn(p.who)
			p.show(v)
			v.check()
			shot, err := chromedp.Run(v.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			small := withFewColours(t, shot)
			if len(small) > largestPicture {
				t.Errorf("%d bytes are too many for a repository", len(small))
			}
			if err := os.WriteFile(filepath.Join(dir, p.name+".png"), small, 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// withFewColours is a picture in 256 colours, each pixel in the nearest of them.
// Pages have few, and many shades between them where letters end.
func withFewColours(t *testing.T, shot []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	few := image.NewPaletted(full.Bounds(), commonest(full))
	near := map[color.Color]uint8{}
	for y := full.Bounds().Min.Y; y < full.Bounds().Max.Y; y++ {
		for x := full.Bounds().Min.X; x < full.Bounds().Max.X; x++ {
			c := full.At(x, y)
			index, known := near[c]
			if !known {
				index = uint8(few.Palette.Index(c))
				near[c] = index
			}
			few.SetColorIndex(x, y, index)
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// commonest is the palette of a picture: the colours it has most of, and of each
// group of like ones the commonest, so that what is small and red stays red.
func commonest(picture image.Image) color.Palette {
	count := map[color.Color]int{}
	for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y++ {
		for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x++ {
			count[picture.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	type group [3]uint32
	seen := map[group]bool{}
	var palette, rest color.Palette
	for _, c := range colours {
		r, g, b, _ := c.RGBA()
		like := group{r >> 12, g >> 12, b >> 12}
		if len(palette) < 96 || !seen[like] {
			palette = append(palette, c)
		} else {
			rest = append(rest, c)
		}
		seen[like] = true
	}
	palette = append(palette, rest...)
	return palette[:min(len(palette), 256)]
}
