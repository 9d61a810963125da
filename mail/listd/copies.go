package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Fields of our own: what a copy of a message has gone through, and which copy
// it is.
const (
	loopField     = "Mandat-Loop"
	deliveryField = "Mandat-Delivery"
)

// ofLists are the fields with which a list speaks to the program of a reader
// (RFC 2369, 2919, 8058). There may be one of each.
var ofLists = []string{
	"list-id", "list-post", "list-help", "list-subscribe", "list-unsubscribe", "list-unsubscribe-post", "list-owner", "list-archive",
}

// listID is how a list is named (RFC 2919).
func listID(address string) string { return "<" + strings.Replace(address, "@", ".", 1) + ">" }

// loops says that a message has been sent out by us under this address before,
// or has come through more servers than a way has.
func (h header) loops(address string) bool {
	received := 0
	for _, f := range h.fields {
		switch f.name {
		case "received":
			received++
		case "mandat-loop":
			if strings.EqualFold(f.value(), address) {
				return true
			}
		case "list-id":
			if strings.Contains(strings.ToLower(f.value()), listID(address)) {
				return true
			}
		}
	}
	return received > maxReceived
}

// ours says that a field of a list is ours to write, in place of what there is of
// that name: it is left alone where the author's signature covers it, there or
// not. But a way out of a list that somebody signed is a stranger's, and gives
// way to ours with its signature; both its fields are one thing.
func (h header) ours(name string) bool {
	if name == "list-unsubscribe" || name == "list-unsubscribe-post" {
		if h.count("list-unsubscribe")+h.count("list-unsubscribe-post") > 0 {
			return true
		}
	}
	return h.signed[name] == 0
}

// head is the header of a copy: fields of ours, then those of the message that
// stay. The rest follows as it is. For a forward, list is nil.
func (h header) head(base string, l *list, link, token string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\r\n%s: %s\r\n", deliveryField, token, loopField, base)
	drop := []string{"return-path"} // the next server writes its own
	if l != nil {
		h.addList(&b, l, link)
		drop = append(drop, ofLists...)
	}
	for _, f := range h.fields {
		if !slices.Contains(drop, f.name) || !h.ours(f.name) {
			b.Write(f.raw)
		}
	}
	return b.Bytes()
}

// addList writes the fields of a list.
func (h header) addList(b *bytes.Buffer, l *list, link string) {
	add := func(name, format string, args ...any) {
		if h.ours(strings.ToLower(name)) {
			fmt.Fprintf(b, name+": "+format+"\r\n", args...)
		}
	}
	add("List-Id", "%s", listID(l.address))
	add("List-Post", "<mailto:%s>", l.address)
	add("List-Help", "<mailto:%s>", sub(l.address, forHelp, ""))
	add("List-Subscribe", "<mailto:%s>", sub(l.address, forSubscribe, ""))
	if link == "" {
		add("List-Unsubscribe", "<mailto:%s>", sub(l.address, forUnsubscribe, ""))
	} else {
		add("List-Unsubscribe", "<%s>,\r\n\t<mailto:%s>", link, sub(l.address, forUnsubscribe, ""))
		if h.ours("list-unsubscribe") { // of which it speaks
			add("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
		}
	}
	add("List-Owner", "<mailto:%s>", sub(l.address, forOwner, ""))
	// Fields of which the author's own stay, and may not be added where they are signed as absent.
	absent := func(name string) bool { return h.count(name) == 0 && h.signed[name] == 0 }
	if absent("precedence") {
		add("Precedence", "list")
	}
	if l.replyTo != replyToSender && absent("reply-to") {
		to := l.replyTo
		if to == replyToList {
			to = l.address
		}
		add("Reply-To", "<%s>", to)
	}
}
