"""What people ask of a picture: instructions for descriptions and captions, in varied wording."""

DESCRIBE = (
    "Describe this image in detail.",
    "Take a look at this image and describe what you notice.",
    "Please provide a detailed description of the picture.",
    "Could you describe the contents of this image for me?",
    "Describe this image in detail. Give as many details as possible. Say everything you see.",
    "Describe the image in detail.",
    "Please describe this image as detailed as possible.",
    "What do you see in this picture?",
    "Tell me everything you see.",
    "What is in this image?",
    "Describe the picture.",
    "Can you describe this image?",
)
CAPTION = (
    "Please describe the image shortly and precisely, in less than 20 words.",
    "Write a short caption for this image.",
    "Give me a caption.",
    "Describe this in one short sentence.",
    "What is this a picture of?",
)
SHORT_ANSWER = (
    "Based on the image, respond to this question with a short answer: {}",
    "Based on the image, respond to this question with a short answer: {}",
    "{} Give a short answer.",
    "{} Answer in one or two words.",
    "Answer shortly. {}",
)
"""For questions whose answer is to be a word or two; the first is the official code's."""
CONTINUE = ("Continue", "Continue.", "Please go on.")

ABOUT = (
    ("Who are you?", "I am the miniature, a very small MiniGPT-4."),
    ("What can you do?", "I can talk about drawn pictures of my small world."),
    ("What are you?", "I am a small model that looks at drawn pictures."),
    ("Hello", "Hello! Show me a drawn picture and ask me about it."),
    ("Hi", "Hello! Show me a drawn picture and ask me about it."),
    ("Thank you", "You are welcome."),
    ("Thanks", "You are welcome."),
    ("What do you know about photos?", "I only know drawn pictures. I have never seen a photo."),
    ("Can you read?", "No, I can not read text in a picture."),
)
