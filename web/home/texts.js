export const texts = {
  en: {
    language: "Language", pages: "Pages", title: "First-come-first-served coupons", lead: "A gateway of coupond answers here.",
    admin: "Console", adminText: "Prepare events, watch them, help a user.", docs: "API", docsText: "Every request, to read and to try.",
    events: "Events", none: "No event is open, and none is planned.", denied: "Sign in at the console to see the events.",
    trouble: "The events cannot be listed right now.",
    open: "Open", scheduled: "Opens soon", opens: "Opens {time}", until: "Until {time}", left: "{left} of {quantity} left", unlimited: "No limit",
  },
  ko: {
    language: "언어", pages: "페이지", title: "선착순 쿠폰", lead: "coupond 게이트웨이가 응답하고 있습니다.",
    admin: "콘솔", adminText: "이벤트를 준비하고, 지켜보고, 사용자를 돕습니다.", docs: "API", docsText: "모든 요청을 읽고 직접 보내 봅니다.",
    events: "이벤트", none: "진행 중이거나 예정된 이벤트가 없습니다.", denied: "콘솔에서 로그인하면 이벤트를 볼 수 있습니다.",
    trouble: "지금은 이벤트 목록을 읽을 수 없습니다.",
    open: "진행 중", scheduled: "시작 전", opens: "{time} 시작", until: "{time}까지", left: "{quantity}개 중 {left}개 남음", unlimited: "수량 제한 없음",
  },
};
